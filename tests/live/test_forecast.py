# SPDX-License-Identifier: GPL-2.0-only
"""When the pids run out: the time that is forecast, and the time at which fork() fails."""
import json
import os
import subprocess
import sys

from lib import PROCTRAIL, Skip, at_end, expect, expect_true, run, start, test, until

PIDS = 200
EVERY_MS = 50

# Forks children that end at once until it may not any more, and says when that was.
LEAKER = """
import os, sys, time
for d in sys.argv[2:]:
    with open(d + "/cgroup.procs", "w") as f:
        f.write("0")
print(os.getpid(), flush=True)
made = 0
try:
    while True:
        if os.fork() == 0:
            os._exit(0)
        made += 1
        time.sleep(float(sys.argv[1]) / 1000)
except BlockingIOError:
    print(time.clock_gettime_ns(time.CLOCK_BOOTTIME), flush=True)
sys.stdin.read()
for _ in range(made):
    os.wait()
"""


def hierarchies():
    """Where a cgroup has to be made: the one that limits pids, and the one whose paths are told."""
    v1, v2 = {}, None
    with open("/proc/mounts") as f:
        for _, where, kind, options in (x.split()[:4] for x in f):
            if kind == "cgroup":
                v1.update((c, where) for c in ("pids", "memory") if c in options.split(","))
            elif kind == "cgroup2":
                v2 = where
    if "pids" in v1:
        return [v1[c] for c in ("pids", "memory") if c in v1]
    if v2 and "pids" in open(v2 + "/cgroup.subtree_control").read().split():
        return [v2]
    raise Skip("no hierarchy of cgroups limits pids here")


def gone(d):
    """The last zombie may still be on its way out."""
    try:
        os.rmdir(d)
    except OSError as e:
        return isinstance(e, FileNotFoundError)
    return True


def make_cgroup(name):
    made = []
    for top in hierarchies():
        d = top + name
        try:
            os.mkdir(d)
        except OSError as e:
            raise Skip("no cgroup can be made: %s" % e)
        at_end(lambda d=d: until("%s is gone" % d, lambda: gone(d)))
        made.append(d)
    with open(made[0] + "/pids.max", "w") as f:
        f.write(str(PIDS))
    return made


@test(seconds=60)
def the_limit_is_hit_when_it_was_said():
    name = "/proctrail-live-%d" % os.getpid()
    dirs = make_cgroup(name)
    leak = start([sys.executable, "-c", LEAKER, str(EVERY_MS), *dirs],
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = int(leak.stdout.readline())
    code, out, err = run([PROCTRAIL, "zombies", "--json", "--duration", "3s"])
    expect("code", 0, code)
    found = [x for x in map(json.loads, out.splitlines()) if x["event"] == "parent" and x["pid"] == pid]
    expect_true("the leak is told once", len(found) == 1, out, err)
    told = found[0]
    expect("what is hit first", ("cgroup_pids", name, PIDS),
           (told.get("limit"), told.get("limit_cgroup"), told.get("limit_max")))
    expect_true("what fills it", told["zombies"] - 2 <= told["limit_zombies"] <= told["limit_used"] < PIDS
                and told["limit_processes"] >= 1, told)
    text = run([PROCTRAIL, "zombies", "--duration", "1500ms"])[1].decode()
    expect_true("the text says so", "limit  %s " % name in text and "/200 pids (pids.max): full in" in text, text)
    hit_ns = int(leak.stdout.readline())
    ratio = told["limit_full_ns"] / (hit_ns - told["boot_ns"])
    expect_true("the time is right within a factor of 2", 0.5 < ratio < 2, ratio, told, hit_ns)

    # it is full, and grows no more
    told = [x for x in map(json.loads, run([PROCTRAIL, "zombies", "--json", "--duration", "0"])[1].splitlines())
            if x["event"] == "parent" and x["pid"] == pid][0]
    expect("when it is full", (name, PIDS, 0), (told["limit_cgroup"], told["limit_used"], told["limit_full_ns"]))
    leak.stdin.close()
    leak.wait(timeout=10)
