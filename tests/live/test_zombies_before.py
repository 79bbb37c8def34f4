# SPDX-License-Identifier: GPL-2.0-only
"""Zombies older than proctrail, which is how one is paged: every way of tools/load/zombies a minute before."""
import json
import os
import subprocess
import time

from lib import PROCTRAIL, Mismatches, Skip, boot_ns, expect, expect_true, gen, run, start, temp_dir, test, until

LONG = bool(os.environ.get("TEST_LONG"))
BEFORE_S = 60 if LONG else 8
LIVE_S = BEFORE_S + 12
APART_MS = 500     # between two deaths of those that go on
# from a child's own word that it exits now until it is a zombie, on a busy machine
TEARDOWN_NS = 100 * 10 ** 6

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
# What a watch of five seconds cannot know: the signals merged before it.
OPEN = {"merged"}
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


def look(*more):
    """({pid: parent}, summary, seconds)"""
    began = time.monotonic()
    code, out, err = run([PROCTRAIL, "zombies", "--all", "--json", *more])
    took = time.monotonic() - began
    expect("code of zombies", (0, b""), (code, err[-300:]))
    lines = [json.loads(x) for x in out.splitlines()]
    return {x["pid"]: x for x in lines if x["event"] == "parent"}, lines[-1], took


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
    once, summary, took = look("--duration", "0")
    watched, _, took_watched = look()
    with Mismatches("the ways") as m:
        m.true("one look within a second", took < 1, took)
        m.true("a watch within six", took_watched < 6, took_watched)
        m.same("one look: (lost, complete)", (0, True), (summary["lost"], summary["complete"]))
        for way, g in mine.items():
            g.proc.wait(timeout=30)
            died = [x["exit_ns"] for x in g.truth("zombie") if "exit_ns" in x]
            check_one(m, "one look", way, once.get(g.pid()), died, False)
            check_one(m, "five seconds", way, watched.get(g.pid()), died, True)
