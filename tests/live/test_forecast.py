# SPDX-License-Identifier: GPL-2.0-only
"""When the pids run out: the time that is forecast, and the time at which fork() fails."""
import json
import os
import subprocess
import sys

from lib import PROCTRAIL, Skip, at_end, expect, expect_true, run, start, test, until

PIDS = 200
USER = 64000 + os.getpid() % 1000  # whose tasks are ours alone
EVERY_MS = 50

# Forks children that end at once until it may not any more, and says when that was.
LEAKER = """
import os, resource, sys, time
every_ms, user, pids = map(int, sys.argv[1:4])
for d in sys.argv[4:]:
    with open(d + "/cgroup.procs", "w") as f:
        f.write("0")
if user:
    resource.setrlimit(resource.RLIMIT_NPROC, (pids, pids))
    os.setresuid(user, user, user)
print(os.getpid(), flush=True)
made = 0
try:
    while True:
        if os.fork() == 0:
            os._exit(0)
        made += 1
        time.sleep(every_ms / 1000)
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


def leaker(user, cgroups):
    p = start([sys.executable, "-c", LEAKER, *map(str, (EVERY_MS, user, PIDS)), *cgroups],
              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return p, int(p.stdout.readline())


def told_of(pid, duration):
    """What proctrail says of this parent."""
    code, out, err = run([PROCTRAIL, "zombies", "--json", "--duration", duration])
    expect("code", 0, code)
    found = [x for x in map(json.loads, out.splitlines()) if x["event"] == "parent" and x["pid"] == pid]
    expect_true("the leak is told once", len(found) == 1, out, err)
    return found[0]


def expect_time(told, hit_ns):
    ratio = told["limit_full_ns"] / (hit_ns - told["boot_ns"])
    expect_true("the time is right within a factor of 2", 0.5 < ratio < 2, ratio, told, hit_ns)


@test(seconds=60)
def a_cgroup_is_full_when_it_was_said():
    name = "/proctrail-live-%d" % os.getpid()
    leak, pid = leaker(0, make_cgroup(name))
    told = told_of(pid, "3s")
    expect("what is hit first", ("cgroup_pids", name, PIDS),
           (told.get("limit"), told.get("limit_cgroup"), told.get("limit_max")))
    expect_true("what fills it", told["zombies"] - 2 <= told["limit_zombies"] <= told["limit_used"] < PIDS
                and told["limit_processes"] >= 1, told)
    text = run([PROCTRAIL, "zombies", "--duration", "1500ms"])[1].decode()
    expect_true("the text says so", "limit  %s " % name in text and "/200 pids (pids.max): full in" in text, text)
    expect_time(told, int(leak.stdout.readline()))

    told = told_of(pid, "0")  # it is full, and grows no more
    expect("when it is full", (name, PIDS, 0), (told["limit_cgroup"], told["limit_used"], told["limit_full_ns"]))
    leak.stdin.close()
    leak.wait(timeout=10)


@test(seconds=60)
def a_user_has_all_tasks_when_it_was_said():
    leak, pid = leaker(USER, [])
    told = told_of(pid, "3s")
    expect("what is hit first", ("nproc", None, PIDS),
           (told.get("limit"), told.get("limit_cgroup"), told.get("limit_max")))
    expect_time(told, int(leak.stdout.readline()))
    told = told_of(pid, "0")
    expect("when it is full", ("nproc", PIDS, 0), (told["limit"], told["limit_used"], told["limit_full_ns"]))
    leak.stdin.close()
    leak.wait(timeout=10)
