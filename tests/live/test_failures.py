# SPDX-License-Identifier: GPL-2.0-only
"""The n-th allocation or system call fails: no crash, no hang, nothing left open, a clear message, and
the exit status that scripts rely on. A sample of all n; every one with TEST_LONG=1."""
import os
import shutil
import struct

from lib import HERE, LOAD, PROCTRAIL, Failed, Mismatches, Skip, gen, run, temp_dir, test

LONG = bool(os.environ.get("TEST_LONG"))
SAMPLE = 2	# of each kind, for each command
TRAIL = os.path.join(HERE, "../golden/closed.trail")
TRACING = ["open", "read", "write", "mmap", "clone", "map_create", "prog_load", "attach", "alloc"]
READING = ["open", "read", "write", "mmap", "clone", "alloc"]
SHIM = os.path.join(LOAD, "fail_alloc.so")


class Outcome:
    def __init__(self, code, out, err, calls, fds):
        self.code, self.out, self.calls, self.fds = code, out, calls, fds
        self.err = err.decode(errors="replace")

    def __repr__(self):
        return "exit %d, open at the end: %s, said: %s" % (self.code, self.fds, self.err[-300:].strip())


def fail_alloc(cmd, nth):
    count = os.path.join(temp_dir(), "count")
    with open(count, "wb") as f:
        f.write(bytes(8))
    env = {**os.environ, "LD_PRELOAD": SHIM, "FAIL_NTH": str(nth), "FAIL_REPORT": count}
    rc, out, err = run(cmd, 20, env=env)
    with open(count, "rb") as f:
        return Outcome(rc, out, err, struct.unpack("=Q", f.read())[0], [])


def fail_syscall(cmd, kind, nth):
    report = os.path.join(temp_dir(), "report")
    rc, out, err = run(gen("fail_syscall", kind, nth, report, *cmd), 20)
    if b"no seccomp listener here" in err:
        raise Skip("seccomp gives no listener here")
    calls, fds = 0, []
    with open(report) as f:
        for line in f:
            word, _, rest = line.strip().partition(" ")
            if word == "calls":
                calls = int(rest)
            elif word == "fd":
                fds.append(rest.partition(" ")[2])
            elif word == "status" and int(rest) & 0x7f:
                rc = -(int(rest) & 0x7f)
    return Outcome(rc, out, err, calls, fds)


def fail(cmd, kind, nth):
    return fail_alloc(cmd, nth) if kind == "alloc" else fail_syscall(cmd, kind, nth)


def chosen(calls):
    """Which n: all, or some that lie evenly, the first among them."""
    if LONG or calls <= SAMPLE:
        return range(1, calls + 1)
    return sorted({1 + i * (calls - 1) // SAMPLE for i in range(SAMPLE)})


def preloadable():
    with open(PROCTRAIL, "rb") as f:
        return b"/ld-" in f.read(1 << 16) and os.path.exists(SHIM)


def fails_cleanly(make, kinds, codes):
    """make() is a command line anew; codes: how it may end beside 0, always with a message"""
    with Mismatches("when the n-th fails") as m:
        for kind in kinds:
            if kind == "alloc" and not preloadable():
                continue
            calm = fail(make(), kind, 0)
            m.same("%s, nothing fails: exit status" % kind, 0, calm.code)
            for nth in chosen(calm.calls):
                where = "%s %d of %d" % (kind, nth, calm.calls)
                try:
                    o = fail(make(), kind, nth)
                except Failed as e:
                    m.true(where, False, e, *e.sides)
                    continue
                m.true(where + ": exit status", o.code == 0 or o.code in codes, o)
                m.true(where + ": nothing is said", o.code == 0 or "proctrail: " in o.err or kind == "write", o)
                m.true(where + ": left open", len(o.fds) <= len(calm.fds), o, calm.fds)


@test(seconds=7200 if LONG else 120)
def a_tree_of_the_machine():
    fails_cleanly(lambda: [PROCTRAIL, "tree"], TRACING, (1, 3))


@test(seconds=7200 if LONG else 120)
def a_trace_of_a_command():
    fails_cleanly(lambda: [PROCTRAIL, "trace", "--", "/bin/true"], TRACING, (1, 3, 125))


@test(seconds=7200 if LONG else 120)
def zombies_of_now():
    fails_cleanly(lambda: [PROCTRAIL, "zombies", "--duration", "0"], TRACING, (1, 3))


@test(seconds=7200 if LONG else 120)
def a_recording():
    top = temp_dir()

    def record():
        shutil.rmtree(os.path.join(top, "trail"), ignore_errors=True)
        return [PROCTRAIL, "record", "-w", os.path.join(top, "trail"), "--pid", str(os.getpid()),
                "--duration", "100ms"]
    fails_cleanly(record, TRACING + ["fsync"], (1, 3))


@test(seconds=7200 if LONG else 60, tracing=False)
def what_a_trail_holds():
    fails_cleanly(lambda: [PROCTRAIL, "info", "-r", TRAIL], READING, (1,))


@test(seconds=7200 if LONG else 60, tracing=False)
def a_trail_read_again():
    fails_cleanly(lambda: [PROCTRAIL, "trace", "-r", TRAIL], READING, (1,))
