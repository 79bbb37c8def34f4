# SPDX-License-Identifier: GPL-2.0-only
"""Zombies older than proctrail, which is how one is paged: every way of tools/load/zombies a minute before."""
import json
import os
import subprocess
import time

from lib import PROCTRAIL, Mismatches, expect, expect_true, gen, start, temp_dir, test

LONG = bool(os.environ.get("TEST_LONG"))
BEFORE_S = 60 if LONG else 8
LIVE_S = BEFORE_S + 12
APART_MS = 500     # between two deaths of those that go on
# from a child's own word that it exits now until it is a zombie, on a busy machine
TEARDOWN_NS = 500 * 10 ** 6

# way: (its verdict, whether its children die one after the other all the time)
WAYS = {
    "never_waits": ("never_waits", True), "waits_for_others": ("waits_for_others", True),
    "merged": ("merged_sigchld", False), "sigchld_blocked": ("sigchld_blocked", True),
    "parent_stopped": ("parent_stopped", True), "parent_stuck": ("parent_stuck", True),
    "traced": ("traced", True), "init_does_not_reap": ("init_does_not_reap", True),
    "inherited_over_exec": ("inherited_over_exec", True), "needs_wall": ("needs_wall", True),
    "leader_dead": ("leader_dead", False), "slow": ("slow", True), "late": ("slow", True),
    "healthy": ("healthy", True), "sigign": ("healthy", True), "nocldwait": ("healthy", True),
    "thread_reaper": ("healthy", True), "signalfd": ("healthy", True), "sigwait": ("healthy", True),
    "pidfd": ("healthy", True), "burst": ("healthy", False),
}
LEFT = [w for w, (verdict, _) in WAYS.items() if verdict not in ("healthy", "slow", "leader_dead")]
# What a watch of five seconds cannot know: the signals merged before it, whose the init's dead were.
OPEN = {"merged", "init_does_not_reap"}
# Nobody is told of a death with exit signal 0: the last look at all tasks, before the end, finds them.
UNTOLD_NS = 10 ** 9


class Generator:
    def __init__(self, d, way):
        going = WAYS[way][1]
        self.path = os.path.join(d, way)
        with open(self.path, "wb") as out:
            self.proc = start(gen("zombies", "--how", way, "--live-ms", LIVE_S * 1000, "--lifetime-ms", 300,
                                  "--children", LIVE_S * 1000 // APART_MS if going else 20,
                                  "--interval-ms", APART_MS if going else 0),
                              stdout=out, stdin=subprocess.DEVNULL)

    def truth(self, deed):
        with open(self.path) as f:
            return [x for x in map(json.loads, f) if x["do"] == deed]

    def pid(self):
        return self.truth("parent")[0]["pid"]


def sample(pid):
    """(the most memory that it has had, how long it was kept from a CPU), once it has execed"""
    try:
        if os.path.realpath("/proc/%d/exe" % pid) != os.path.realpath(PROCTRAIL):
            return 0, 0
        with open("/proc/%d/status" % pid) as f:
            peak_kb = next((int(x.split()[1]) for x in f if x.startswith("VmHWM:")), 0)
        with open("/proc/%d/schedstat" % pid) as f:
            return peak_kb, int(f.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0, 0


class Look:
    """What zombies said, in how much time, with how much memory."""

    def __init__(self, *more):
        path = os.path.join(temp_dir(), "out")
        began = time.monotonic()
        p = start([PROCTRAIL, "zombies", "--all", "--json", "-o", path, *more], stdin=subprocess.DEVNULL)
        self.rss_kb = self.delay_s = 0     # ru_maxrss would be ours: it is kept over vfork and exec
        while True:
            pid, status = os.waitpid(p.pid, os.WNOHANG)
            if pid:
                break
            self.rss_kb, self.delay_s = map(max, sample(p.pid), (self.rss_kb, self.delay_s))
            time.sleep(0.005)
        self.took_s = time.monotonic() - began
        p.returncode = os.waitstatus_to_exitcode(status)
        expect("code of zombies", 0, p.returncode)
        with open(path) as f:
            lines = [json.loads(x) for x in f]
        self.parents = {x["pid"]: x for x in lines if x["event"] == "parent"}
        self.summary = lines[-1]

    def expect_in(self, what, seconds):
        """On the wall's clock, without the time that others kept it from a CPU; beside them it goes slower, too."""
        busy = os.getloadavg()[0] > os.cpu_count()
        expect_true("%s takes less than %g s" % (what, seconds),
                    self.took_s - self.delay_s < seconds * (2 if busy else 1), self.took_s, self.delay_s, busy)


def check_left(m, where, found, died, going, late_ns):
    """How many, for how long and how fast, against the children's own words."""
    now_ns = found["boot_ns"]
    sure, maybe = (sum(t + late < now_ns for t in died) for late in (late_ns, 0))
    m.true(where + ": %d zombies" % found["zombies"], sure <= found["zombies"] <= maybe, sure, maybe)
    off = found["oldest_ns"] - (now_ns - min(died))
    err = found["oldest_err_ns"]
    m.true(where + ": the oldest is off by %d us" % (off / 1000), -err - TEARDOWN_NS <= off <= err, found)
    m.true(where + ": it may be off by %d us" % (err / 1000), not found["oldest_estimated"] or err < 10 ** 9)
    want = 60e6 / APART_MS if going else 0
    m.true(where + ": %g a minute" % (found["leak_milli_per_min"] / 1000),
           abs(found["leak_milli_per_min"] - want) <= want / 4, want)


def check_one(m, when, way, found, died, watched):
    verdict, going = WAYS[way]
    where = "%s, %s" % (way, when)
    if way in LEFT and not m.true(where + " is told", found):
        return
    if not found:
        return    # who reaps has nothing to show at one look
    right = {verdict}
    if not watched or way in OPEN:
        right.add("unknown")
    if verdict == "slow" or way == "pidfd":
        right |= {"slow", "healthy"}
    m.true("%s is %s" % (where, found["verdict"]), found["verdict"] in right,
           {k: v for k, v in found.items() if k.startswith(("wait", "decides", "zomb", "evid", "died", "reap"))})
    if way in LEFT and way != "merged":
        check_left(m, where, found, died, going, UNTOLD_NS if way == "needs_wall" else TEARDOWN_NS)


@test(seconds=LIVE_S + 40)
def every_way_that_was_there_before():
    """8 s before, 60 s in the long form; one look, then five seconds"""
    d = temp_dir()
    mine = {w: Generator(d, w) for w in WAYS}
    time.sleep(BEFORE_S)
    once = Look("--duration", "0")
    watched = Look()
    once.expect_in("one look", 1)
    watched.expect_in("a watch", 6)
    with Mismatches("the ways") as m:
        m.same("one look: (lost, complete)", (0, True), (once.summary["lost"], once.summary["complete"]))
        for way, g in mine.items():
            g.proc.wait(timeout=30)
            died = [x["exit_ns"] for x in g.truth("zombie") if "exit_ns" in x]
            check_one(m, "one look", way, once.parents.get(g.pid()), died, False)
            check_one(m, "five seconds", way, watched.parents.get(g.pid()), died, True)

# ---- many --------------------------------------------------------------------------------------

MANY = 20000 if LONG else 2000
LEAK_PER_S = 1000


def rss_budget_kb(processes):
    """DESIGN.md: idle, and 320 bytes a process"""
    return 26 * 1024 + processes * 320 // 1024


def many_of(way, *more):
    """(the generator, the pid of its parent)"""
    g = start(gen("zombies", "--how", way, *more), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return g, json.loads(g.stdout.readline())["pid"]


def check_many(m, where, look, pid, low, high):
    found = look.parents.get(pid)
    m.same(where + ": (lost, missed, evicted)", (0, 0, 0), tuple(look.summary[k] for k in ("lost", "missed", "evicted")))
    m.true("%s: %d KiB" % (where, look.rss_kb), look.rss_kb <= rss_budget_kb(look.summary["zombies"]))
    if m.true(where + " names the parent", found):
        m.true("%s: %d zombies" % (where, found["zombies"]), low <= found["zombies"] <= high, low, high)
    return found or {}


@test(seconds=60)
def thousands_that_were_there_before():
    """2,000 zombies of one parent, 20,000 in the long form"""
    g, pid = many_of("never_waits", "--children", MANY, "--live-ms", 15000)
    once, watched = Look("--pid", str(pid), "--duration", "0"), Look("--pid", str(pid))
    g.stdout.close()
    g.terminate()
    once.expect_in("one look", 1)
    watched.expect_in("a watch", 6)
    with Mismatches("%d zombies" % MANY) as m:
        found = check_many(m, "one look", once, pid, MANY, MANY)
        m.true("one look accuses nobody wrongly", found.get("verdict") in ("unknown", "never_waits"), found)
        found = check_many(m, "a watch", watched, pid, MANY, MANY)
        m.same("the verdict", "never_waits", found.get("verdict"))


@test(seconds=60)
def a_leak_of_a_thousand_a_second():
    g, pid = many_of("sigchld_blocked", "--children", 14 * LEAK_PER_S, "--every-us", 10 ** 6 // LEAK_PER_S,
                     "--live-ms", 14000)
    time.sleep(1)
    once, watched = Look("--pid", str(pid), "--duration", "0"), Look("--pid", str(pid))
    g.stdout.close()
    g.terminate()
    once.expect_in("one look", 1)
    with Mismatches("a leak") as m:
        check_many(m, "one look", once, pid, LEAK_PER_S // 4, 4 * LEAK_PER_S)
        found = check_many(m, "a watch", watched, pid, 3 * LEAK_PER_S, 14 * LEAK_PER_S)
        m.same("the verdict", "sigchld_blocked", found.get("verdict"))
        rate = found.get("leak_milli_per_min", 0) / 60e3
        m.true("%g more a second" % rate, LEAK_PER_S * 0.6 <= rate <= LEAK_PER_S * 1.1)
