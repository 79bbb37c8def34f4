# SPDX-License-Identifier: GPL-2.0-only
"""A parent that the cgroup freezer holds cannot reap: told as that, and gone when it is thawed."""
import os
import subprocess
import sys

from lib import PROCTRAIL, Skip, at_end, expect, expect_true, run, start, test, until
from test_zombies import dead_of, parents

# Reaps whatever dies; says when its children are there.
REAPER = """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        sys.stdin.read(1)
        os._exit(0)
print("ready", flush=True)
for _ in range(3):
    os.wait()
print("reaped", flush=True)
time.sleep(60)
"""


def freezer():
    """(directory of a new cgroup, file, what freezes, what thaws)"""
    with open("/proc/mounts") as f:
        for _, where, kind, options in (x.split()[:4] for x in f):
            if kind == "cgroup" and "freezer" in options.split(","):
                return where, "freezer.state", "FROZEN", "THAWED"
            if kind == "cgroup2" and where == "/sys/fs/cgroup":
                return where, "cgroup.freeze", "1", "0"
    raise Skip("no freezer is mounted")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


@test(seconds=60)
def a_frozen_parent_is_told_as_that():
    top, name, freeze, thaw = freezer()
    d = os.path.join(top, "proctrail-live-%d" % os.getpid())
    try:
        os.mkdir(d)
    except OSError as e:
        raise Skip("no cgroup can be made: %s" % e)
    gate = os.pipe()
    reaper = start([sys.executable, "-S", "-c", REAPER], stdin=gate[0], stdout=subprocess.PIPE)
    os.close(gate[0])
    state = os.path.join(d, name)

    def clean():
        write(state, thaw)
        reaper.kill()
        reaper.wait()
        until("the cgroup is empty", lambda: not open(os.path.join(d, "cgroup.procs")).read())
        os.rmdir(d)
    at_end(clean)
    expect("its children are there", b"ready\n", reaper.stdout.readline())
    write(os.path.join(d, "cgroup.procs"), str(reaper.pid))
    write(state, freeze)
    os.close(gate[1])  # they end
    until("they are dead", lambda: len(dead_of(reaper.pid)) == 3)

    for options in (["--duration", "0"], []):
        told = parents(run([PROCTRAIL, "zombies", "--json", "--pid", str(reaper.pid), *options])[1].splitlines())
        told = told[reaper.pid]
        expect("verdict", ("parent_stopped", True, 3), (told["verdict"], told.get("frozen"), told["zombies"]))
    text = run([PROCTRAIL, "zombies", "--pid", str(reaper.pid), "--duration", "0"])[1].decode()
    expect_true("the text says how to go on", "frozen" in text and "thaw" in text, text)

    write(state, thaw)
    expect("after what 'now' says", b"reaped\n", reaper.stdout.readline())
    expect("zombies", [], dead_of(reaper.pid))
    out = run([PROCTRAIL, "zombies", "--json", "--all", "--pid", str(reaper.pid), "--duration", "0"])[1]
    expect_true("nobody is accused any more", not parents(out.splitlines()).get(reaper.pid, {}).get("zombies"), out)
