# SPDX-License-Identifier: GPL-2.0-only
"""Every process of a storm is accounted for: once born, once dead, once reaped, with its status."""
import collections
import os
import sys

from lib import (Mismatches, PROCTRAIL, bpf_ids, events_of, expect, gen, run, start, temp_dir, test,
                 trace, truth_and_messages, until)


class Tally:
    """Counts a stream without keeping it: 40,000 lives are 200,000 lines."""

    def __init__(self, path):
        self.births, self.seen, self.twice = {}, collections.defaultdict(set), []
        self.codes, self.events, self.no_birth = collections.Counter(), collections.Counter(), []
        self.children = collections.Counter()
        for e in events_of(path):
            self.events[e["event"]] += 1
            if "id" in e and e["event"] in ("fork", "exit", "zombie", "reap"):
                self.take(e)
            self.last = e

    def take(self, e):
        kind, id = e["event"], e["id"]
        if id in self.seen[kind]:
            self.twice.append("%s of %s" % (kind, id))
        self.seen[kind].add(id)
        if kind == "fork":
            self.births[id] = e["boot_ns"]
            self.children[e["parent_id"]] += 1
        elif id not in self.births:
            self.no_birth.append((kind, id))
        elif kind == "exit":
            self.codes[e.get("exit_code", "signal %s" % e.get("signal"))] += 1


def storm(*args):
    out = os.path.join(temp_dir(), "out")
    rc, so, se = run([PROCTRAIL, "trace", "--json", "-o", out, "--", *gen("storm", *args)], 45)
    truth, messages = truth_and_messages(so, se)
    expect("proctrail's exit status and words", (0, []), (rc, messages))
    said = {t["do"]: t for t in truth}
    return Tally(out), said["storm"], said["end"]


def check(tally, said, end):
    born = set(tally.births)
    with Mismatches("the storm's accounts") as m:
        s = tally.last
        m.same("loss and completeness", (0, 0, 0, not s["healed"]),
               (s["lost"], s["missed"], s["evicted"], s["complete"]))
        m.same("attempted = delivered + lost", s["attempted"], s["delivered"] + s["lost"])
        m.true("attempted", s["attempted"] > 4 * end["births"], s)
        m.same("births", end["births"], len(born))
        for kind in ("exit", "zombie", "reap"):
            m.same("%s, of those who were born" % kind, born, tally.seen[kind] & born)
            m.same("%s of others: the generator's own" % kind, 1, len(tally.seen[kind] - born))
        m.same("told twice", [], tally.twice[:5])
        m.same("exit codes", {int(k): n for k, n in said["exit_codes"].items()}, dict(tally.codes))
        m.same("the summary's forks, deaths, reaps, zombies",
               (len(born), len(born) + 1, len(born) + 1, 0),
               tuple(s[k] for k in ("forks", "deaths", "reaps", "zombies")))
        m.same("lost and heal lines", 0, tally.events["lost"] + tally.events["heal"])


@test(seconds=60)
def a_storm_of_40000_vforks_is_accounted_for():
    check(*storm("--count", 40000, "--how", "vfork", "--exit-codes"))


@test(seconds=60)
def a_tree_of_forks_is_accounted_for_and_hangs_together():
    tally, said, end = storm("--count", 3000, "--how", "fork", "--tree", "--fan", 100, "--exit-codes")
    with Mismatches("the tree") as m:
        born = set(tally.births)
        m.same("births", end["births"], len(born))
        parents = {p: n for p, n in tally.children.items() if p in born}
        m.same("children of each middle process", [100] * said["middles"], sorted(parents.values()))
        m.same("deaths and reaps", (len(born), len(born)),
               (len(tally.seen["exit"] & born), len(tally.seen["reap"] & born)))


@test()
def a_command_that_does_nothing_is_one_life():
    t = trace(["/bin/true"])
    t.expect_complete()
    expect("ids in the stream", 1, len(t.lives))
    life = list(t.lives.values())[0]
    expect("(execs, exits, reaps, forks)", (1, 1, 1, 0),
           (len(life.exec), len(life.exit), len(life.reap), len(life.fork)))
    expect("exe and args", ("/bin/true", ["/bin/true"]),
           (life.exec[0].get("exe"), life.exec[0].get("args")))


@test()
def the_stream_is_ordered_birth_exec_death_zombie_reap():
    t = trace(gen("spawn", "--how", "fork", "--count", 50, "--jobs", 5))
    order = ["fork", "exec", "exit", "zombie", "reap"]
    with Mismatches("order of a life") as m:
        for spawn in t.did("spawn"):
            life = t.life(spawn["pid"], spawn["start_ns"])
            told = [e["event"] for e in t.events if e.get("id") == life.id and e["event"] in order]
            m.same(life.id, order, told)
            if told == order:
                stamps = [life.first(k)["boot_ns"] for k in order]
                m.true(life.id, stamps == sorted(stamps), "times go back:", stamps)


# Becomes another user when its child is born already: to a tracer of that user the birth is not seen.
LATE = """
import os, sys, time
child = os.fork()
if not child:
    while os.getppid() and os.stat("/proc/%d" % os.getppid()).st_uid != int(sys.argv[2]):
        time.sleep(.01)
    if sys.argv[1] == "exec":
        os.execv("/bin/true", ["true"])
    os._exit(7)
print(child, flush=True)
os.setuid(int(sys.argv[2]))
os.execv("/bin/sh", ["sh", "-c", "sleep 1"])
"""


@test()
def a_child_whose_birth_was_not_seen_is_told_when_it_execs_or_dies():
    uid = 61234
    for how, code in (("exec", 0), ("exit", 7)):
        out = os.path.join(temp_dir(), how)
        p = start([PROCTRAIL, "trace", "--json", "-o", out, "--uid", str(uid), "--duration", "5s"])
        until("proctrail is attached", lambda: len(bpf_ids(p.pid)["link"]) >= 8)
        child = int(run([sys.executable, "-c", LATE, how, str(uid)])[1])
        p.wait()
        told = [e for e in events_of(out) if e.get("pid") == child]
        expect("%s: the end of it" % how, [code],
               [e.get("exit_code") for e in told if e["event"] == "exit"])
        expect("%s: images" % how, ["/bin/true"] if how == "exec" else [],
               [e["exe"] for e in told if e["event"] == "exec"])
