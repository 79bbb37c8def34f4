# SPDX-License-Identifier: GPL-2.0-only
"""The time inside fork calls, against what the caller saw."""
import json
import os
import sys

from lib import (PROCTRAIL, Mismatches, Skip, expect, expect_true, gen, run, temp_dir, test)

PYTHON = os.path.realpath(sys.executable)


def lines_of(out, event):
    return [x for x in map(json.loads, out.splitlines()) if x["event"] == event]


def told(command, cmd, *options):
    """What the command says, live and from the trail of the same run; what CMD says; stderr."""
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    code, out, err = run([PROCTRAIL, command, "--json", "-o", live, "-w", trail, *options, "--", *cmd])
    expect("exit code, %s" % err.decode()[-200:], 0, code)
    with open(live, "rb") as f:
        seen = f.read()
    again = run([PROCTRAIL, command, "--json", "-r", trail])[1]
    return seen, again, out, err.decode()


def hooks_of(out):
    return set(lines_of(out, "start")[0]["hooks"])


@test(seconds=60)
def no_call_takes_longer_than_its_caller_saw():
    seen, again, out, _err = told("trace", gen("spawn", "--how", "mixed", "--count", 200), "--fork-time")
    truth = {x["pid"]: x for x in map(json.loads, out.splitlines()) if x["do"] == "spawn"}
    forks = {x["pid"]: x for x in lines_of(seen, "fork") if x["pid"] in truth}
    expect("calls", len(truth), len(forks))
    with Mismatches("calls") as m:
        for pid, x in forks.items():
            call = truth[pid]
            m.true("timed", x.get("fork_ns"), x)
            m.true("within the call", x.get("fork_ns", 0) <= call["call_ns"], x, call)
            m.true("it begins after the call", x["boot_ns"] - x.get("fork_ns", 0) >= call["start_ns"], x, call)
    expect("from its trail", [x.get("fork_ns") for x in lines_of(seen, "fork")],
           [x.get("fork_ns") for x in lines_of(again, "fork")])


HEAP = gen("spawn", "--how", "fork", "--heap-mb", 600, "--count", 10)


@test(seconds=60)
def a_fork_of_a_large_heap_is_as_long_as_its_caller_saw():
    """A parent that lost its CPU on the way back saw more, so the nearest of ten counts."""
    seen, again, out, err = told("spawns", HEAP, "--fork-time", "--slowest", "20")
    if "fork_syscall" in hooks_of(seen):
        expect_true("its price is named", "slows every syscall" in err, err)
    caller = {x["pid"]: x["call_ns"] for x in map(json.loads, out.splitlines()) if x["do"] == "spawn"}
    mine = {x["pid"]: x["fork_ns"] for x in lines_of(seen, "spawn") if x["pid"] in caller}
    expect("calls that were timed", set(caller), set(mine))
    more = {pid: caller[pid] - mine[pid] for pid in caller}
    expect_true("none is longer than its caller saw", min(more.values()) >= 0, mine, caller)
    expect_true("one is as long, within 5 % or 50 us",
                any(ns < max(0.05 * caller[pid], 5e4) for pid, ns in more.items()), mine, caller)
    group = next(g for g in lines_of(seen, "spawn_group") if g["how"] == "fork" and g["count"] == 10)
    expect("their sum", sum(mine.values()), group["fork_ns"])
    expect("calls of the group", 10, group["forks_timed"])
    expect("from its trail", lines_of(seen, "spawn_group"), lines_of(again, "spawn_group"))
    expect("they are timed", [True], [x["fork_timed"] for x in lines_of(seen, "spawns")])
    d = temp_dir()
    run([PROCTRAIL, "spawns", "--fork-time", "-o", os.path.join(d, "text"), "--", *HEAP])
    with open(os.path.join(d, "text")) as f:
        text = f.read()
    expect_true("the sentence has it", "fork() itself takes" in " ".join(text.split()), text)


@test(seconds=60)
def what_is_not_timed_is_absent_and_named():
    seen, again, _out, _err = told("spawns", ["sh", "-c", "/bin/true; /bin/true; :"])
    if hooks_of(seen) & {"fork_time"}:
        raise Skip("this kernel times fork calls by itself")
    for out in (seen, again):
        expect("calls that were timed", [], [g for g in lines_of(out, "spawn_group") if "fork_ns" in g])
        expect("they are not timed", [False], [x["fork_timed"] for x in lines_of(out, "spawns")])
    text = run([PROCTRAIL, "spawns", "--", "sh", "-c", "/bin/true; /bin/true"])[1].decode()
    expect_true("it says so", "fork calls not timed here: --fork-time" in text, text)


@test(seconds=60)
def threads_of_one_process_fork_at_once():
    """Each has a call of its own: none is taken for another's."""
    script = """
import os, threading, time
def forks():
    for _ in range(20):
        pid = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(pid, 0)
threads = [threading.Thread(target=forks) for _ in range(8)]
begin = time.monotonic_ns()
for t in threads: t.start()
for t in threads: t.join()
"""
    seen, _again, _out, _err = told("trace", [PYTHON, "-S", "-c", script], "--fork-time")
    forks = [x for x in lines_of(seen, "fork") if x["how"] != "thread"]
    expect("calls", 160, len(forks) - 1 if len(forks) == 161 else len(forks))
    expect("not timed", [], [x for x in forks if not x.get("fork_ns")])
    expect_true("none is longer than a second", max(x["fork_ns"] for x in forks) < 1e9, forks)


LIMITED = """
import os, resource, time
os.setuid(%d)
resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
kids, refused = [], 0
for i in range(6):
    try:
        pid = os.fork()
        if not pid:
            time.sleep(1)
            os._exit(0)
        kids.append(pid)
    except OSError:
        refused += 1
        time.sleep(0.05)  # sooner than 10 ms it would be counted only
print(refused)
"""


@test(seconds=60)
def a_refused_fork_names_its_limit():
    uid = 54321  # nobody else's
    seen, again, out, _err = told("trace", [PYTHON, "-S", "-c", LIMITED % uid], "--fork-time")
    failed = lines_of(seen, "fork_failed")
    expect_true("some were refused", int(out) > 0, out)
    expect("refused", int(out), sum(1 + x.get("repeat", 0) for x in failed))
    for x in failed:
        expect("which", ("EAGAIN", "nproc", 2), (x["error"], x["limit"], x["limit_max"]))
        expect_true("that many are there", x["limit_used"] >= 2, x)
    expect("from its trail", failed, lines_of(again, "fork_failed"))
