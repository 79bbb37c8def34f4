# SPDX-License-Identifier: GPL-2.0-only
"""What 'now' advises is done, and the zombies are gone; what 'cannot help' does not."""
import json
import os
import re
import signal
import subprocess
import sys
import time

from lib import PROCTRAIL, Mismatches, at_end, expect_true, gen, run, start, temp_dir, test, until

CHILDREN = 6
LIVE_S = 60

# A subreaper, who would have the zombies if their parent died. Either it reaps whatever comes, or it
# has its generator only, and sleeps.
ADOPTER = """
import ctypes, os, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
subprocess.run(['/bin/true'])
subprocess.Popen(sys.argv[2:])
try:
    while sys.argv[1] == 'reaps':
        os.waitpid(-1, 0)
except ChildProcessError:
    sys.exit(0)
time.sleep(%d)
""" % LIVE_S


def stat_of(pid):
    """[state, ppid, ...] or None"""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def children_of(parent):
    """{pid: state}"""
    found = {}
    for d in filter(str.isdigit, os.listdir("/proc")):
        s = stat_of(int(d))
        if s and int(s[1]) == parent:
            found[int(d)] = s[0]
    return found


def end(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


class Parent:
    """One that leaves zombies, and what is left of these"""

    def __init__(self, way, line):
        self.way, self.pid, generator = way, line["pid"], line["ppid"]
        at_end(lambda: end(generator))

    def zombies(self):
        return {p for p, state in children_of(self.pid).items() if state == "Z"}

    def left(self):
        """Those of the zombies that are still there, whosever they are by now"""
        return {p for p in self.dead if (stat_of(p) or "x")[0] == "Z"}

    def expect_gone(self, what):
        until("%s: the zombies are gone after '%s'" % (self.way, what), lambda: not self.left())

    def expect_no_help(self, sig):
        end(self.pid, sig)
        time.sleep(0.3)
        expect_true("%s: the zombies stay" % self.way, self.left() == self.dead, self.dead, self.left())


class Case(Parent):
    """Older than proctrail, below an adopter of its own, with all its zombies there."""

    def __init__(self, way, adopter="reaps"):
        self.out = os.path.join(temp_dir(), "text")
        self.adopter = start([os.path.realpath(sys.executable), "-c", ADOPTER, adopter,
                              *gen("zombies", "--how", way, "--children", CHILDREN, "--live-ms", LIVE_S * 1000)],
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        super().__init__(way, json.loads(self.adopter.stdout.readline()))
        until("%s: they are dead" % way, lambda: len(self.zombies()) == CHILDREN)
        self.dead = self.zombies()

    def ask(self):
        with open(self.out, "wb") as f:
            self.asked = start([PROCTRAIL, "zombies", "--wide", "--pid", str(self.adopter.pid)], stdout=f,
                               stdin=subprocess.DEVNULL)

    def now(self):
        self.asked.wait(timeout=30)
        with open(self.out) as f:
            return now_of(f.read(), self.pid)


class Watched(Parent):
    """Watched from its birth on: some verdicts take that."""

    def __init__(self, way):
        d = temp_dir()
        out, truth = os.path.join(d, "text"), os.path.join(d, "truth")
        with open(truth, "wb") as f:
            start([PROCTRAIL, "zombies", "--wide", "-o", out, "--duration", "4s", "--",
                   *gen("zombies", "--how", way, "--children", 12, "--live-ms", LIVE_S * 1000)],
                  stdout=f, stdin=subprocess.DEVNULL).wait(timeout=30)
        with open(truth) as f:
            super().__init__(way, next(x for x in map(json.loads, f) if x["do"] == "parent"))
        self.dead = self.zombies()
        with open(out) as f:
            self.now = now_of(f.read(), self.pid)


def now_of(text, pid):
    """The lines under 'now', as one"""
    part = text[text.index("[%d]  " % pid):].split("\n\n")[0]
    found = re.search(r"^  now    (.*(?:\n {9}.*)*)", part, re.M)
    expect_true("there is advice", found, part)
    return " ".join(found.group(1).split())


def judged(*ways, adopter="reaps"):
    cases = [Case(w, adopter) for w in ways]
    for c in cases:
        c.ask()
    return cases


@test(seconds=90)
def the_parent_is_ended_and_its_adopter_reaps():
    for c in judged("never_waits", "waits_for_others", "sigchld_blocked", "needs_wall"):
        now = c.now()
        with Mismatches(c.way) as m:
            m.true("who reaps them then", "[%d] would inherit and reap them" % c.adopter.pid in now, now)
            m.true("a signal cannot help", "kill -CHLD %d: cannot help" % c.pid in now, now)
            m.true("it is to be ended", "end it: kill %d;" % c.pid in now, now)
        c.expect_no_help(signal.SIGCHLD)
        end(c.pid, signal.SIGTERM)
        c.expect_gone(now)


@test(seconds=60)
def an_adopter_that_does_not_reap_is_not_said_to():
    c, = judged("never_waits", adopter="sleeps")
    now = c.now()
    expect_true("it is not promised", "would inherit them (not seen to reap yet)" in now or
                "would inherit and reap" not in now, now)
    end(c.pid, signal.SIGTERM)
    until("the parent has ended", lambda: (stat_of(c.pid) or "Z")[0] == "Z")
    time.sleep(0.3)
    expect_true("they stay", c.left() == c.dead, now)


@test(seconds=60)
def an_init_is_ended_with_its_namespace():
    c = Watched("init_does_not_reap")
    expect_true("how", "end it: kill -KILL %d; its whole pid namespace ends with it" % c.pid in c.now, c.now)
    c.expect_no_help(signal.SIGCHLD)
    c.expect_no_help(signal.SIGTERM)
    end(c.pid, signal.SIGKILL)
    c.expect_gone(c.now)


@test(seconds=60)
def what_holds_the_parent_or_the_dead_goes_first():
    stopped, stuck, traced = judged("parent_stopped", "parent_stuck", "traced")
    now = stopped.now()
    expect_true("how it goes on", now == "kill -CONT %d" % stopped.pid, now)
    end(stopped.pid, signal.SIGCONT)
    stopped.expect_gone(now)
    now = stuck.now()
    expect_true("where to look", now.endswith("proctrail tree --pid %d" % stuck.pid), now)
    code, out, err = run([PROCTRAIL, "tree", "--json", "--pid", str(stuck.pid)])
    alive, = (p for p, state in children_of(stuck.pid).items() if state != "Z")
    expect_true("there it is", str(alive).encode() in out, alive, out, err)
    end(alive)
    stuck.expect_gone(now)
    now = traced.now()
    with open("/proc/%d/status" % min(traced.dead)) as f:
        tracer = int(re.search(r"TracerPid:\s*(\d+)", f.read()).group(1))
    expect_true("it is ours", traced.adopter.pid != tracer > 1, tracer)
    expect_true("who", now == "end the tracer zombies[%d], then its parent can reap" % tracer, now)
    end(tracer)
    traced.expect_gone(now)


@test(seconds=60)
def where_nothing_helps_nothing_does():
    c, = judged("inherited_over_exec")
    now = c.now()
    expect_true("it is said", now.startswith("nothing:"), now)
    c.expect_no_help(signal.SIGCHLD)
    end(c.pid, signal.SIGTERM)
    c.expect_gone("until this program ends")


@test(seconds=60)
def a_signal_for_each_that_was_merged():
    c = Watched("merged")
    left = len(c.dead)
    expect_true("it is said", "kill -CHLD %d, once for each" % c.pid in c.now, c.now)
    while left:
        end(c.pid, signal.SIGCHLD)
        left -= 1
        until("one less", lambda: len(c.left()) == left, 2)
