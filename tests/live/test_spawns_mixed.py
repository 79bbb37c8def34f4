# SPDX-License-Identifier: GPL-2.0-only
"""Thousands of spawns, random in all that does not matter: which primitive, how long, and where the time went.

Four clocks that know nothing of ours: the generator's, its image's first instruction, the kernel's CPU clock
as the image reads it, and the kernel's own trace of the same moments (tracefs).
"""
import collections
import json
import os

from lib import (PROCTRAIL, Mismatches, Skip, at_end, expect, expect_true, gen, run, temp_dir, test, trace,
                 truth_and_messages)

LONG = bool(os.environ.get("TEST_LONG"))
COUNT = 10000 if LONG else 1000
LIST_MAX = "10000"  # --slowest lists as many
NEAR_NS = 50e3


def near(total_ns):
    return max(NEAR_NS, 0.05 * total_ns)


def lines_of(out, event):
    return [x for x in map(json.loads, out.splitlines()) if x["event"] == event]


def told_of(trail, *options):
    """What 'spawns' says of a recording: one line each, by (pid, start)"""
    out = run([PROCTRAIL, "spawns", "--json", "--slowest", LIST_MAX, *options, "-r", trail])[1]
    return {(x["pid"], x["start_ns"]): x for x in lines_of(out, "spawn")}, out


def recorded(*args, **popen):
    """A trace with its trail: births of threads and workers are only in the first."""
    trail = os.path.join(temp_dir(), "t.trail")
    t = trace(gen("mixed", *args), "--threads", "-w", trail, seconds=100, **popen)
    t.expect_counts()
    expect("loss", (0, 0), (t.summary["lost"], t.summary["missed"]))
    return t, trail


def check_birth(m, t, truth):
    fork = t.life(truth["pid"], truth["start_ns"]).first("fork")
    where = "%(how)s of %(pid)d, flags %(flags)#x" % truth
    m.same(where + ": how", truth["class"], fork.get("how"))
    m.same(where + ": (ppid, birth_ppid)", (truth["ppid"], truth["maker"]), (fork["ppid"], fork["birth_ppid"]))
    if "syscall" in truth:  # the C library chooses posix_spawn's
        m.same(where + ": syscall", truth["syscall"], fork.get("syscall"))
    # a child that exits at once may be reaped before its maker reads the clock again, but not born after
    m.true(where + ": born within the call", truth["start_ns"] <= fork["start_ns"] <= truth["reaped_ns"], fork, truth)
    return fork


def check_parts(m, x):
    """In each record: a split that is told is whole, and one that is not known is absent, all of it."""
    parts = [x.get(k) for k in ("queued_ns", "blocked_ns", "running_ns")]
    if parts == [None] * 3:
        m.same("no error of no split", None, x.get("split_err_ns"))
        return False
    m.true("parts", None not in parts, x)
    m.same("queued + blocked + running of %d" % x["pid"], x.get("total_ns", x.get("spawn_ns")), sum(parts))
    m.true("no more error than there is", x.get("split_err_ns", 0) <= x["blocked_ns"], x)
    return True


@test(seconds=200)
def the_primitive_is_right_of_every_one():
    t, trail = recorded("--count", COUNT, "--seed", 7)
    births = t.did("spawn")
    image = [x for x in births if "exec" in x]
    told, out = told_of(trail)
    classes = collections.Counter(x["class"] for x in births)
    expect("classes", {"fork", "vfork", "posix_spawn", "clone"}, set(classes))
    with Mismatches("%d births" % len(births)) as m:
        for x in births:
            fork = check_birth(m, t, x)
            one = told.get((x["pid"], fork["start_ns"]))
            m.same("%(how)s of %(pid)d is a spawn" % x, "exec" in x, one is not None)
            if one:
                m.same("%(how)s of %(pid)d: how, in its spawn" % x, x["class"], one["how"])
        tids = collections.Counter(e["tid"] for e in t.of("fork") if e.get("how") == "thread")
        for x in t.did("thread"):
            m.true("a thread", tids[x["tid"]], x)
    totals = lines_of(out, "spawns")[0]
    expect("spawns, workers", (len(image), len(births) - len(image)), (totals["spawns"], totals["workers"]))
    with Mismatches("splits") as m:
        known = [check_parts(m, x) for x in told.values()]
        for e in t.of("exec"):
            check_parts(m, e)
    odd = sum(x["before"] == "thread" for x in image)
    expect("splits that are not known: exec from another thread", odd, known.count(False))
    again = told_of(trail)[1]
    expect_true("the same recording, the same answer", out == again)


@test(seconds=100)
def live_and_replay_tell_the_same_of_each():
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    code, said, err = run([PROCTRAIL, "spawns", "--json", "--follow", "--slowest", LIST_MAX, "-o", live, "-w", trail,
                           "--", *gen("mixed", "--count", 600, "--seed", 5)], seconds=60)
    expect("exit code, %s" % err.decode()[-200:], 0, code)
    with open(live, "rb") as f:
        lines = lines_of(f.read(), "spawn")
    told = told_of(trail)[0]
    truth, _ = truth_and_messages(said)
    expect("each twice: as it happens, and in the list", 2 * truth[-1]["execs"], len(lines))
    at_once, listed = lines[:truth[-1]["execs"]], lines[truth[-1]["execs"]:]
    with Mismatches("spawns") as m:
        for x in lines:
            check_parts(m, x)
        for x in listed:
            m.same("from the trail", x, told.get((x["pid"], x["start_ns"])))
        # as it happens, the wall clock is told by what was known of it then
        for x in at_once:
            m.same("as it happened", dict(x, ts=None), dict(told.get((x["pid"], x["start_ns"]), {}), ts=None))


def of_each(t, trail):
    """(truth, spawn) of all that have an image"""
    told, _ = told_of(trail)
    for x in t.did("spawn"):
        if "image_ns" in x:
            yield x, told[x["pid"], t.life(x["pid"], x["start_ns"]).first("fork")["start_ns"]]


@test(seconds=200)
def totals_lie_between_the_generators_moments():
    """A birth lies between the call and the child's first instruction, the end of exec between execve() and the
    image's: without exception, however busy the machine. What is left between them is a page fault at each end."""
    t, trail = recorded("--count", COUNT, "--seed", 11)
    ways = []
    with Mismatches("spawns") as m:
        for x, one in of_each(t, trail):
            born, image = one["start_ns"], one["boot_ns"]
            m.same("total", one["total_ns"], image - born)
            m.true("born within the call", x["start_ns"] <= born <= x.get("child_ns", x["image_ns"]), x, one)
            m.true("exec ends before the image begins", x.get("exec_ns", born) <= image <= x["image_ns"], x, one)
            ways.append(x["image_ns"] - image)
    ways.sort()
    expect_true("from the end of exec to the first instruction: a page fault", ways[len(ways) // 2] < 150e3,
                ways[len(ways) // 2])


# ---- the kernel's own trace --------------------------------------------------------------------


class KernelTrace:
    """task_newtask and sched_process_exec by tracefs, in an instance of our own, of one process's descendants."""

    def __init__(self, kib=2048 if LONG else 512):
        if not os.path.exists("/sys/kernel/tracing/instances"):
            self.mount()
        else:
            self.top = "/sys/kernel/tracing"
        self.dir = "%s/instances/proctrail-%d" % (self.top, os.getpid())
        os.mkdir(self.dir)
        at_end(self.remove)
        self.write("trace_clock", "boot")
        self.write("buffer_size_kb", kib)
        self.write("options/event-fork", 1)
        self.touch(kib)

    def touch(self, kib):
        """The first write to a page costs up to 70 us where a hypervisor gives it memory only then, and that would
        lie between the trace's reading of the clock and ours."""
        cpus = os.sched_getaffinity(0)
        at_end(lambda: os.sched_setaffinity(0, cpus))
        for cpu in cpus:
            os.sched_setaffinity(0, {cpu})
            for _ in range(kib):
                self.write("trace_marker", "x" * 3000)
        os.sched_setaffinity(0, cpus)
        self.write("trace", "")

    def mount(self):
        self.top = temp_dir()
        code, _, err = run(["mount", "-t", "tracefs", "proctrail", self.top])
        if code:
            raise Skip("no tracefs: %s" % err.decode().strip())
        at_end(lambda: run(["umount", self.top]))

    def write(self, name, value):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(str(value))

    def follow(self, pid):
        self.write("set_event_pid", pid)
        for event in ("task/task_newtask", "sched/sched_process_exec"):
            self.write("events/%s/enable" % event, 1)

    def remove(self):
        self.write("tracing_on", 0)
        os.rmdir(self.dir)

    def moments(self):
        """({pid: births}, {pid: execs}), ns; a line is 'COMM-PID [CPU] FLAGS SECONDS: EVENT: ...'"""
        births, execs = collections.defaultdict(list), collections.defaultdict(list)
        self.write("tracing_on", 0)
        with open(os.path.join(self.dir, "trace"), errors="replace") as f:
            for line in f:
                words = line.split()
                event = next((w for w in words if w in ("task_newtask:", "sched_process_exec:")), None)
                if not event:
                    continue
                at = words.index(event)
                us = int(words[at - 1].rstrip(":").replace(".", ""))
                pid = int(next(w for w in words[at:] if w.startswith("pid="))[4:])
                (births if event[0] == "t" else execs)[pid].append(us * 1000)
        return births, execs


def nearest(moments, ns):
    return min(moments, key=lambda x: abs(x - ns)) if moments else None


@test(seconds=250)
def totals_are_the_kernels_trace_of_the_same_moments():
    """Within 5 % or 50 us of at least 99 %, most within 5 us. The others lost their CPU, to a neighbour or to the
    hypervisor, between the two readings of the clock that there are at each end: the kernel's birth and its trace of
    it, the trace of the exec and our record."""
    kernel = KernelTrace()
    kernel.follow(os.getpid())
    t, trail = recorded("--count", COUNT, "--seed", 13)
    births, execs = kernel.moments()
    off = []
    for x, one in of_each(t, trail):
        born, image = nearest(births[x["pid"]], one["start_ns"]), nearest(execs[x["pid"]], one["boot_ns"])
        expect_true("it is in the kernel's trace", born and image, x, one)
        off.append((one["total_ns"] - (image - born), one, x))
    far = [o for o in off if abs(o[0]) > near(o[1]["total_ns"])]
    expect_true("spawns", len(off) > COUNT // 2, len(off))
    middle = sorted(abs(ns) for ns, _, _ in off)[len(off) // 2]
    expect_true("half of them agree within 20 us", middle < 20e3, middle)
    expect_true("99 % agree", len(far) <= len(off) / 100, len(far), len(off), *far[:5])


# ---- where the time went -----------------------------------------------------------------------


@test(seconds=200)
def the_split_is_the_kernels_own_account():
    """The image reads how long it has run, a page fault later than exec's end ('way'). Where it never gave its
    CPU away, 'running' is all that was not queueing: more than the CPU clock says where a hypervisor or an interrupt
    took the CPU, never less, but for the few that were interrupted between their two clocks. Where it slept, what ran since the last tick is within the error that is told."""
    t, trail = recorded("--count", COUNT, "--seed", 17)
    exact, more, slept, less = 0, 0, 0, []
    with Mismatches("splits") as m:
        for x, one in of_each(t, trail):
            if "running_ns" not in one or "image_cpu_ns" not in x:
                continue
            way = x["image_ns"] - one["boot_ns"]
            least, most = x["image_cpu_ns"] - way, x["image_cpu_ns"]
            err, ran, slack = one["split_err_ns"], one["running_ns"], near(one["total_ns"])
            if ran + err < least - slack:
                less.append((x, one))
            if "image_delay_ns" in x:
                m.true("it queued no longer", one["queued_ns"] <= x["image_delay_ns"], x, one)
            if x["before"] == "sleep":
                slept += 1
                m.true("it slept", one["blocked_ns"] >= x["before_ms"] * 1e6, x, one)
            if one["blocked_ns"]:
                m.true("it ran no longer", ran <= most + slack, x, one)
                continue
            exact += 1
            more += ran > most + slack
            if x["before"] == "busy":
                m.true("it was busy, or queued", ran + one["queued_ns"] >= x["before_ms"] * 1e6, x, one)
    expect_true("it ran no less, of 999 in 1,000", len(less) <= 1 + exact / 1000, *less[:4])
    expect_true("some slept, most did not", slept and exact > COUNT // 3, slept, exact)
    expect_true("few lost their CPU to a hypervisor", more <= exact / 10, more, exact)
