# SPDX-License-Identifier: GPL-2.0-only
"""Who does not reap: every way of tools/load/zombies gets exactly its verdict, live and from its trail."""
import json
import os
import subprocess
import sys

from lib import PROCTRAIL, Mismatches, expect, expect_true, gen, run, start, temp_dir, test, until
from test_lifetimes import release_is_hooked

# way: (verdict, zombies left of five; None: as it comes)
WAYS = {
    "never_waits": ("never_waits", 5), "waits_for_others": ("waits_for_others", 5),
    "merged": ("merged_sigchld", None), "sigchld_blocked": ("sigchld_blocked", 5),
    "parent_stopped": ("parent_stopped", 5), "parent_stuck": ("parent_stuck", 5),
    "traced": ("traced", 5), "init_does_not_reap": ("init_does_not_reap", 5),
    "inherited_over_exec": ("inherited_over_exec", 5), "needs_wall": ("needs_wall", 5),
    "leader_dead": ("leader_dead", 0), "slow": ("slow", None), "late": ("slow", None),
    "healthy": ("healthy", 0), "sigign": ("healthy", 0), "nocldwait": ("healthy", 0),
    "thread_reaper": ("healthy", 0), "signalfd": ("healthy", 0), "sigwait": ("healthy", 0),
    "pidfd": ("healthy", 0), "burst": ("healthy", 0),
}


def parents(lines):
    return {x["pid"]: x for x in map(json.loads, lines) if x["event"] == "parent"}


class Watched:
    """proctrail zombies over a generator that goes on after it."""

    def __init__(self, way, d):
        self.way = way
        self.live, self.trail, self.truth = (os.path.join(d, way + x) for x in (".live", ".trail", ".truth"))
        with open(self.truth, "wb") as out:
            self.proc = start([PROCTRAIL, "zombies", "--all", "--json", "-o", self.live, "-w", self.trail,
                               "--duration", "4s", "--",
                               *gen("zombies", "--how", way, "--children", 5, "--live-ms", 8000)],
                              stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def parent(self):
        with open(self.truth) as f:
            lines = [json.loads(x) for x in f if x.startswith("{") and x.endswith("}\n")]
        return next(x["pid"] for x in lines if x["do"] == "parent")


def judge(ways):
    d = temp_dir()
    running = [Watched(w, d) for w in ways]
    with Mismatches("verdicts") as m:
        for w in running:
            w.proc.wait(timeout=60)
            with open(w.live) as f:
                live = parents(f)
            again = parents(run([PROCTRAIL, "zombies", "--all", "--json", "-r", w.trail])[1].splitlines())
            pid, (verdict, left) = w.parent(), WAYS[w.way]
            m.same(w.way + " verdict", verdict, live.get(pid, {}).get("verdict"))
            if left is not None:
                m.same(w.way + " zombies", left, live.get(pid, {}).get("zombies"))
            m.same(w.way + " from its trail", live, again)
            m.same(w.way + " accuses nobody else", [],
                   [x for x in live.values() if x["pid"] != pid and x["zombies"]])


@test(seconds=120)
def causes_have_their_verdicts():
    judge(["never_waits", "waits_for_others", "merged", "sigchld_blocked", "parent_stopped", "parent_stuck"])


@test(seconds=120)
def rarer_causes_have_theirs():
    judge(["traced", "init_does_not_reap", "inherited_over_exec", "needs_wall", "leader_dead"])


@test(seconds=120)
def who_reaps_is_not_accused():
    judge(["slow", "late", "healthy", "sigign", "nocldwait"])


@test(seconds=120)
def who_reaps_in_another_way_is_not_accused_either():
    judge(["thread_reaper", "signalfd", "sigwait", "pidfd", "burst"])


@test(seconds=60)
def the_ledger_has_their_lifetimes():
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    run([PROCTRAIL, "zombies", "--json", "-o", live, "-w", trail, "--duration", "4s", "--",
         *gen("zombies", "--how", "late", "--lifetime-ms", 300, "--children", 5, "--live-ms", 6000)])
    again = run([PROCTRAIL, "zombies", "--json", "-r", trail])[1].splitlines()
    with open(live) as f:
        ledger = next(x for x in map(json.loads, f) if x["event"] == "ledger")
    expect("from its trail", ledger, next(x for x in map(json.loads, again) if x["event"] == "ledger"))
    expect("born and reaped", (5, 5), (ledger["born"], ledger["reaped"]))
    for name in ("zombie_p50_ns", "zombie_max_ns"):
        off = abs(ledger[name] - 300e6)
        expect_true("%s is 300 ms" % name, off <= ledger["zombie_err_ns"] + 20e6, ledger)


def ledger_of(cmd):
    """(the ledger, the generator's own words)"""
    out = os.path.join(temp_dir(), "out")
    code, said, err = run([PROCTRAIL, "zombies", "--json", "-o", out, "--", *cmd])
    expect("code: %s" % err[-200:], 0, code)
    with open(out) as f:
        ledger = next(x for x in map(json.loads, f) if x["event"] == "ledger")
    return ledger, [json.loads(x) for x in said.splitlines() if x.startswith(b"{")]


@test(seconds=90)
def the_ledger_says_who_reaped():
    hooked = release_is_hooked()
    # way: whose the reaps of its five children are
    kinds = {"healthy": "by_parent", "sigign": "autoreaped", "nocldwait": "autoreaped", "pidfd": "by_parent"}
    if hooked:     # nothing else names the thread
        kinds["thread_reaper"] = "by_thread"
    with Mismatches("reapers") as m:
        for how, kind in kinds.items():
            ledger, _ = ledger_of(gen("zombies", "--how", how, "--children", 5, "--live-ms", 500))
            # the parent and the generator itself are reaped by their parents
            want = {"by_parent": 2, "by_thread": 0, "by_adopter": 0, "by_tracer": 0, "by_other": 0, "autoreaped": 0}
            want[kind] += 5
            m.same(how, want, {k: ledger[k] for k in want})
        ledger, _ = ledger_of(gen("reparent", "--how", "chain", "--live-ms", 100))
        m.same("a subreaper's orphans", (3, 0), (ledger["by_adopter"], ledger["by_other"]))


@test(seconds=60)
def a_leak_that_was_there_before_is_told():
    leak = start(gen("zombies", "--how", "never_waits", "--children", 7, "--live-ms", 40000),
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(leak.stdout.readline())["pid"]
    until("they are dead", lambda: len(dead_of(parent)) == 7)
    code, out, _ = run([PROCTRAIL, "zombies", "--json", "--pid", str(parent), "--duration", "0"])
    expect("code of one look", 0, code)
    found = parents(out.splitlines())[parent]
    expect("one look: how many, of whom", (7, "zombies"), (found["zombies"], found["comm"]))
    expect_true("one look accuses nobody wrongly", found["verdict"] in ("unknown", "never_waits"), found)
    out = run([PROCTRAIL, "zombies", "--json", "--pid", str(parent), "--fail-if", "zombies>6"])
    expect("code of --fail-if", 4, out[0])
    found = parents(out[1].splitlines())[parent]
    expect("after five seconds", ("never_waits", 7), (found["verdict"], found["zombies"]))
    text = run([PROCTRAIL, "zombies", "--pid", str(parent)])[1].decode()
    for word in ("7 zombies: 1 parent LEAKS", "never waits", "cannot help", "fix  "):
        expect_true("the text says: " + word, word in text, text)
    leak.terminate()


@test(seconds=60)
def one_look_at_a_leak_misses_nothing():
    """--pid takes a pass or two: who dies in between was not lost."""
    leak = start(gen("zombies", "--how", "never_waits", "--children", 800, "--interval-ms", 5, "--live-ms", 20000),
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(leak.stdout.readline())["pid"]
    with Mismatches("looks") as m:
        for i in range(8):
            lines = list(map(json.loads, run([PROCTRAIL, "zombies", "--json", "--pid", str(parent),
                                              "--duration", "0"])[1].splitlines()))
            m.same("look %d: (complete, lost, healed)" % i, (True, 0, 0),
                   tuple(lines[-1][x] for x in ("complete", "lost", "healed")))
            m.same("look %d: its zombies, all" % i, lines[-1]["zombies"], lines[1]["zombies"])
    leak.terminate()


@test(seconds=60)
def the_call_that_a_parent_sat_in_before_is_told():
    old = start(gen("zombies", "--how", "waits_for_others", "--children", 3, "--live-ms", 40000),
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(old.stdout.readline())["pid"]
    until("they are dead", lambda: len(dead_of(parent)) == 3)
    with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
        other, = set(map(int, f.read().split())) - set(dead_of(parent))
    found = parents(run([PROCTRAIL, "zombies", "--json", "--pid", str(parent)])[1].splitlines())[parent]
    expect("(waits, sits in)", ("waits_for_others", 0, 0, 1),
           tuple(found[x] for x in ("verdict", "waits_pid", "sits_any", "sits_pid")))
    text = run([PROCTRAIL, "zombies", "--pid", str(parent), "--duration", "0"])[1].decode()
    expect_true("the text says so", "1 thread sat in one already, for pid %d" % other in " ".join(text.split()), text)
    expect_true("in 80 columns", max(map(len, text.split("\n"))) <= 80, text)
    old.terminate()


@test(seconds=60)
def older_than_us_and_of_an_earlier_image():
    old = start(gen("zombies", "--how", "inherited_over_exec", "--children", 4, "--live-ms", 40000),
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(old.stdout.readline())["pid"]
    until("they are dead", lambda: len(dead_of(parent)) == 4)
    out = run([PROCTRAIL, "zombies", "--json", "--pid", str(parent)])[1]
    found = parents(out.splitlines())[parent]
    expect("what is told of it", ("inherited_over_exec", 4), (found["verdict"], found["zombies"]))
    old.terminate()


@test(seconds=60)
def what_a_shim_reaped_is_not_the_applications():
    """As pyenv does it: a shell that waits for its helpers, and becomes the program."""
    app = ("import subprocess, time\nkept = [subprocess.Popen(['/bin/true']) for _ in range(4)]\ntime.sleep(8)\n")
    out = os.path.join(temp_dir(), "out")
    code, _, err = run([PROCTRAIL, "zombies", "--all", "--json", "-o", out, "--duration", "6s", "--", "/bin/sh", "-c",
                        "/bin/true; /bin/true; exec %s -c \"%s\"" % (os.path.realpath(sys.executable), app)])
    expect("code", (0, b""), (code, err[-300:]))
    with open(out) as f:
        found = list(parents(f).values())
    expect("who, how many, why", [("never_waits", 4, 2)], [(x["verdict"], x["zombies"], x["reaped"]) for x in found])


def dead_of(parent):
    found = []
    for d in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % d) as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] == "Z" and int(fields[1]) == parent:
            found.append(int(d))
    return found
