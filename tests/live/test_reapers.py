# SPDX-License-Identifier: GPL-2.0-only
"""Who reaps is not accused, however it does it and whenever one looks: random schedules, and real programs."""
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from lib import (PROCTRAIL, Mismatches, Skip, at_end, descendants, expect, expect_true, gen, run, start, temp_dir,
                 until)
from lib import test as any_test

LONG = bool(os.environ.get("TEST_LONG"))


def test(seconds=60):
    """In the long form only: these take a minute and a half together."""
    def register(f):
        @any_test(seconds=seconds)
        @functools.wraps(f)
        def long_test():
            if not LONG:
                raise Skip("make test-long")
            f()
        return long_test
    return register


def parents(lines):
    return {x["pid"]: x for x in map(json.loads, lines) if x["event"] == "parent"}


def deeds(path):
    with open(path) as f:
        return [json.loads(x) for x in f if x.startswith("{") and x.endswith("}\n")]


class Schedules:
    """proctrail zombies over reapers that go on after it."""

    def __init__(self, seed, count, duration_s, *more):
        d = temp_dir()
        self.what = "seed %d" % seed
        self.live, self.trail, self.truth = (os.path.join(d, x) for x in ("live", "trail", "truth"))
        with open(self.truth, "wb") as out:
            self.proc = start([PROCTRAIL, "zombies", "--all", "--json", "-o", self.live, "-w", self.trail,
                               "--duration", "%gs" % duration_s, "--",
                               *gen("reapers", "--seed", seed, "--count", count,
                                    "--live-ms", int(duration_s * 1000) + 1000, *more)],
                              stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def done(self):
        """It answers while the schedules go on; then waits for the rest of the truth."""
        code = self.proc.wait(timeout=120)
        self.busy = os.getloadavg()[0] > 2 * os.cpu_count()
        with open(self.truth, errors="replace") as f:
            expect_true("%s: proctrail answers" % self.what, code == 0, f.read()[-600:])
        until("%s: the schedules end" % self.what, lambda: any(x["do"] == "end" for x in deeds(self.truth)), 60)

    def truth_by_pid(self):
        found = {}
        for x in deeds(self.truth):
            if x["do"] in ("parent", "result"):
                found.setdefault(x["pid"], {})[x["do"]] = x
        return found

    def looks(self, step_ms):
        """[(when, answer)], live and from the trail"""
        with open(self.live) as f:
            yield "live", parents(f)
        ms = 0
        while True:
            code, out, err = run([PROCTRAIL, "zombies", "--all", "--json", "-r", self.trail,
                                  "--at", "-%dms" % ms if ms else "now"])
            if code:
                return
            yield "%d ms before the end" % ms, parents(out.splitlines())
            ms += step_ms


# Without a hook in release_task() a reap is told by the kernel's free, which may be late or missed
# altogether: until the next pass over all tasks. There is one before a live answer.
FREE_NS = 10 ** 9


def may_be_slow(result, found, settled, live):
    """By lateness that the parent has measured itself, or by a zombie that is none any more."""
    if not result or settled is None:
        return not result or result["late"] > 0
    return result["late"] * 2 >= result["reaped"] - 1 or (found["zombies"] > 0 and not live)


def check_parent(m, where, truth, found, live, busy):
    """
    Whether it had reaped all when this was seen, and was told to have. Where others had the processors the
    pass may have come after the answer: then nobody is accused all the same, but one may be too many.
    """
    how, result = truth["parent"]["how"], truth.get("result")
    settled = (result and result["ts_ns"] + FREE_NS < found["boot_ns"]) or None
    right = {"healthy", truth["parent"]["verdict"]}
    if may_be_slow(result, found, settled, live):
        right.add("slow")
    if not settled or not live:
        right.add("unknown")
    who = "%s: %s (pid %d)" % (where, how, found["pid"])
    m.true("%s is %s" % (who, found["verdict"]), found["verdict"] in right, result,
           {k: found.get(k) for k in ("zombies", "oldest_ns", "died", "reaped", "merged", "waits_any",
                                      "waits_pid", "zombie_p50_ns")})
    if settled and live and not busy:
        m.same(who + ": (died, zombies)", (result["reaped"] + result["unwaited"], 0),
               (found["died"], found["zombies"]))
    return bool(settled)


def judge(schedules, step_ms):
    """(looks, parents judged when all was over)"""
    settled = looks = 0
    with Mismatches("healthy parents") as m:
        for s in schedules:
            s.done()
        for s in schedules:
            truth = s.truth_by_pid()
            for when, found in s.looks(step_ms):
                looks += 1
                for pid, f in found.items():
                    if pid in truth:
                        settled += check_parent(m, "%s, %s" % (s.what, when), truth[pid], f, when == "live",
                                                s.busy)
                    else:
                        m.true("%s, %s accuses another" % (s.what, when),
                               f["verdict"] in ("healthy", "slow", "unknown"), f)
    return looks, settled

# ---- random schedules --------------------------------------------------------------------------


def judge_seeds(first, rounds, count):
    """Each round: two at a time, one looked at in the middle, the other when most are over."""
    for seed in range(first, first + 2 * rounds, 2):
        looks, settled = judge([Schedules(seed, count, 3.5 + seed % 7 / 3), Schedules(seed + 1, count, 9)], 700)
        expect_true("enough was judged", looks >= 10 and settled >= count, looks, settled)


@test(seconds=1800 if LONG else 90)
def random_schedules_of_healthy_reapers_accuse_nobody():
    """300 schedules; 10,000 in the long form"""
    judge_seeds(100, 25 if LONG else 1, 200 if LONG else 150)


@test(seconds=60)
def who_reaps_two_seconds_late_is_slow():
    s = Schedules(7, 12, 9, "--how", "late")
    s.done()
    with open(s.live) as f:
        found = parents(f)
    truth = s.truth_by_pid()
    with Mismatches("late") as m:
        m.same("all are there", sorted(truth), sorted(p for p in found if p in truth))
        for pid, t in truth.items():
            if t["result"]["late"] == t["result"]["reaped"]:
                m.same("pid %d" % pid, "slow", found[pid]["verdict"])


@test(seconds=60)
def children_that_the_kernel_reaps_by_a_flag_accuse_nobody():
    code, _, err = run(gen("reapers", "--how", "autoreap", "--count", 1, "--live-ms", 0, "--span-ms", 1))
    if code == 3:
        raise Skip(err.decode().strip())
    judge([Schedules(11, 20, 5, "--how", "autoreap")], 500)


# ---- real programs -----------------------------------------------------------------------------


def program(name):
    path = shutil.which(name)
    if not path:
        raise Skip("%s is not installed" % name)
    return path


def watched(cmd, duration="5s"):
    """The parents in what 'proctrail zombies' says over CMD, which outlives it."""
    d = temp_dir()
    out, said = os.path.join(d, "out"), os.path.join(d, "said")
    with open(said, "wb") as f:
        p = start([PROCTRAIL, "zombies", "--all", "--json", "-o", out, "--duration", duration, "--", *cmd],
                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=f)
    at_end(end_mine)
    deadline = time.monotonic() + 30
    while p.poll() is None and time.monotonic() < deadline:
        for pid in descendants(p.pid):
            _mine.add((pid, proc_start(pid)))
        time.sleep(0.1)
    with open(said, errors="replace") as f:
        expect_true("proctrail answers", p.poll() == 0, f.read()[-400:])
    with open(out) as f:
        return [x for x in map(json.loads, f) if x["event"] == "parent"]


_mine = set()    # (pid, start) of what programs under test have started


def proc_start(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            return int(f.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None


def end_mine():
    """What is still there of a program that was watched, by pid and start."""
    for pid, began in _mine:
        if began is not None and proc_start(pid) == began:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    _mine.clear()


def expect_healthy(found, comm, reaped=1, slow=False):
    mine = [x for x in found if x["comm"].startswith(comm)]
    expect_true("%s is there and reaps" % comm, mine and max(x["reaped"] for x in mine) >= reaped, found)
    for x in found:
        expect_true("%s is healthy" % x["comm"], x["verdict"] == "healthy" or slow and x["verdict"] == "slow", x)


JOBS = "i=0; while [ $i -lt 40 ]; do sleep 0.0$((i % 10)) & sleep 0.1 & [ $((i % 4)) = 3 ] && wait; i=$((i+1)); done"


@test()
def bash_with_jobs_in_the_background_is_healthy():
    expect_healthy(watched([program("bash"), "-c", JOBS + "; while :; do sleep 0.3; done"]), "bash", 40)


@test()
def dash_with_jobs_in_the_background_is_healthy():
    # it looks for dead jobs between two commands only
    expect_healthy(watched([program("dash"), "-c", JOBS + "; while :; do sleep 0.3; done"]), "dash", 40, slow=True)


@test()
def sh_as_pid_1_reaps_what_it_adopts():
    orphans = "for i in 1 2 3 4 5 6; do (sleep 0.$i & exit 0); done; while :; do sleep 0.2; done"
    cmd = [program("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", program("sh"), "-c", orphans]
    if run([*cmd[:-1], "exit 0"])[0]:
        raise Skip("no new pid namespace here")
    expect_healthy(watched(cmd), "sh", 12, slow=True)


def init_of_namespace(*init):
    orphans = "for i in 1 2 3 4 5 6; do (sleep 0.$i & exit 0); done; exec sleep 20"
    cmd = [program("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", *init, program("sh"), "-c", orphans]
    if run([program("unshare"), "--pid", "--fork", "--mount-proc", "true"])[0]:
        raise Skip("no new pid namespace here")
    found = watched(cmd)
    expect_healthy([x for x in found if x["comm"] != "sleep"], os.path.basename(init[0]), 6)


@test()
def tini_reaps_what_it_adopts():
    init_of_namespace(program("tini"), "--")


@test()
def dumb_init_reaps_what_it_adopts():
    init_of_namespace(program("dumb-init"), "--")


@test()
def supervisord_reaps_what_dies():
    d = temp_dir()
    conf = os.path.join(d, "conf")
    with open(conf, "w") as f:
        f.write("[supervisord]\nnodaemon=true\nlogfile=%s/log\npidfile=%s/pid\n" % (d, d))
        for i in range(3):
            f.write("[program:p%d]\ncommand=sleep 1.%d\nautorestart=true\nstartsecs=0\n" % (i, i))
    # it looks once in a second
    expect_healthy(watched([program("supervisord"), "-n", "-c", conf], "8s"), "supervisord", 2, slow=True)


@test()
def node_reaps_what_it_spawns():
    js = ("const {spawn} = require('child_process');"
          "setInterval(() => spawn('sleep', ['0.05']).on('exit', () => 0), 100)")
    expect_healthy(watched([program("node"), "-e", js]), "", 10)


def python(text):
    return [os.path.realpath(sys.executable), "-c", "import subprocess, time\n" + text]


@test()
def a_python_program_that_polls_is_healthy():
    text = ("while True:\n p = subprocess.Popen(['sleep', '0.03'])\n"
            " while p.poll() is None:\n  time.sleep(0.02)\n")
    expect_healthy(watched(python(text)), "python", 10)


@test()
def a_python_program_that_waits_in_order_is_not_accused():
    text = ("ps = [subprocess.Popen(['sleep', t]) for t in ('30', '0.1', '0.2')]\n"
            "for p in ps:\n p.wait()\n")
    found = watched(python(text))
    expect("its verdict", [("unknown", 2)], [(x["verdict"], x["zombies"]) for x in found])


@test()
def a_python_program_that_never_waits_is_accused():
    text = ("ps = [subprocess.Popen(['true']) for _ in range(5)]\ntime.sleep(30)\n")
    found = watched(python(text))
    expect("its verdict", [("never_waits", 5)], [(x["verdict"], x["zombies"]) for x in found])
