# SPDX-License-Identifier: GPL-2.0-only
"""What spawns cost: against the generator's own clock, the kernel's own account, and the trail."""
import collections
import json
import os
import statistics
import subprocess
import sys

from lib import (PROCTRAIL, Mismatches, Skip, at_end, expect, expect_true, gen, run, start, temp_dir, test, until)


def lines_of(out, event):
    return [x for x in map(json.loads, out.splitlines()) if x["event"] == event]


def spawns(cmd, *options, **popen):
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    code, out, err = run([PROCTRAIL, "spawns", "--json", "-o", live, "-w", trail, *options, "--", *cmd], **popen)
    expect("exit code, %s" % err.decode()[-200:], 0, code)
    with open(live, "rb") as f:
        told = f.read()
    ended = [o for o in options if o != "--follow"]  # of a recording that would have no end
    again = run([PROCTRAIL, "spawns", "--json", *ended, "-r", trail])[1]
    for event in ("spawn_group", "finding") if "--follow" in options else ("spawn_group", "spawn", "finding"):
        expect("from its trail: " + event, lines_of(told, event), lines_of(again, event))
    return told, out


@test(seconds=120)
def counts_and_classes_are_the_generators():
    told, out = spawns(gen("spawn", "--how", "mixed", "--count", 400), "--by", "program", "--slowest", "400",
                       seconds=60)
    truth = [x for x in map(json.loads, out.splitlines()) if x["do"] == "spawn" and "exec" in x]
    want = collections.Counter(x["class"] for x in truth)
    got = collections.Counter()
    groups = lines_of(told, "spawn_group")
    for g in groups:
        if not g["worker"] and g["count"] > 3:
            got[g["how"]] += g["count"]
    # the generator itself, and what runs it
    expect_true("as many of each way", all(want[k] <= got[k] <= want[k] + 1 for k in want), want, got)
    with Mismatches("groups") as m:
        for g in groups:
            if "split_ns" in g:
                m.same("queued + blocked + running of %s" % g["program"], g["split_ns"],
                       g["queued_ns"] + g["blocked_ns"] + g["running_ns"])
                m.true("no more error than there is", g["split_err_ns"] <= g["blocked_ns"], g)
            if g["how"] in ("vfork", "posix_spawn") and g["count"]:
                m.true("the parent stood still", g["parent_suspended_ns"] == g["total_ns"], g)
        for x in lines_of(told, "spawn"):
            m.same("one by one", x["total_ns"], x["queued_ns"] + x["blocked_ns"] + x["running_ns"])


@test(seconds=60)
def a_spawn_takes_as_long_as_the_generator_saw():
    """It sees the child's copy of a pipe closed, in the middle of exec; we tell the end of it."""
    told, out = spawns(gen("spawn", "--how", "vfork", "--count", 100), "--slowest", "1000")
    seen = {x["pid"]: x for x in lines_of(told, "spawn")}
    truth = [x for x in map(json.loads, out.splitlines()) if x["do"] == "spawn"]
    expect("spawns", 100, len(truth))
    with Mismatches("spawns") as m:
        for x in truth:
            got = seen[x["pid"]]
            m.true("it begins within the call", x["start_ns"] < got["start_ns"] < x["start_ns"] + x["spawn_ns"],
                   got, x)
            m.true("it ends before the child was reaped", got["boot_ns"] < x["reaped_ns"], got, x)
    off = statistics.median(seen[x["pid"]]["total_ns"] - x["spawn_ns"] for x in truth)
    expect_true("half of them are as long", abs(off) < 200e3, off)


BURNER = """
import subprocess, sys
for _ in range(8):
    subprocess.run([sys.executable, "-S", "-c", "i = 0\\nwhile i < 1500000: i += 1"])
"""


@test(seconds=60)
def cpu_of_short_lives_is_the_kernels_account():
    d = temp_dir()
    live, account = os.path.join(d, "live"), os.path.join(d, "cpu")
    script = BURNER + """
import resource
u = resource.getrusage(resource.RUSAGE_CHILDREN)
open(%r, "w").write(str(u.ru_utime + u.ru_stime))
""" % account
    python = os.path.realpath(sys.executable)
    run([PROCTRAIL, "spawns", "--json", "-o", live, "--by", "program", "--", python, "-S", "-c", script])
    with open(live, "rb") as f:
        groups = lines_of(f.read(), "spawn_group")
    with open(account) as f:
        want = float(f.read())
    got = sum(g["short_cpu_ns"] for g in groups if g["count"] >= 8) / 1e9
    expect_true("CPU time of the eight, within 2 % or 10 ms", abs(got - want) <= max(0.02 * want, 0.01),
                got, want, groups)


def gone(d):
    try:
        os.rmdir(d)
    except OSError as e:
        return isinstance(e, FileNotFoundError)
    return True


def counts_of(d):
    with open(d + "/cpu.stat") as f:
        return {k: int(v) for k, v in map(str.split, f)}


def account_of(name):
    """A cgroup that counts CPU time: (its folder, the file that does)"""
    with open("/proc/mounts") as f:
        mounts = [line.split()[1:4] for line in f]
    v1 = next((m for m, kind, o in mounts if kind == "cgroup" and "cpuacct" in o.split(",")), None)
    v2 = next((m for m, kind, o in mounts if kind == "cgroup2"), None)
    d = (v1 or v2 or "") + name
    try:
        os.mkdir(d)
    except OSError as e:
        raise Skip("no cgroup counts CPU time here: %s" % e)
    at_end(lambda: until("%s is gone" % d, lambda: gone(d)))
    return d, d + ("/cpuacct.usage" if v1 else "/cpu.stat")


# Joins the cgroup, starts programs and workers that burn, and tells what it used itself there.
ACCOUNTED = """
import os, sys, time
BURN = "i = 0\\nwhile i < 600000: i += 1"
with open(sys.argv[1] + "/cgroup.procs", "w") as f:
    f.write("0")
joined = time.process_time_ns()
for _ in range(6):
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", BURN], os.environ), 0)
    pid = os.fork()
    if not pid:
        exec(BURN)
        os._exit(0)
    os.waitpid(pid, 0)
with open(sys.argv[2]) as f:
    used = f.read().split()
print(time.process_time_ns() - joined, used[-1] if len(used) == 1 else 1000 * int(used[used.index("usage_usec") + 1]))
"""


@test(seconds=60)
def cpu_of_short_lives_is_their_cgroups_account():
    d, account = account_of("/proctrail-live-acct-%d" % os.getpid())
    told, out = spawns([os.path.realpath(sys.executable), "-S", "-c", ACCOUNTED, d, account], "--by", "program")
    own, used = map(int, out.split())
    want = used - own
    groups = [g for g in lines_of(told, "spawn_group") if g["count"] == 6]
    expect("groups: the programs, the workers", [False, True], sorted(g["worker"] for g in groups))
    expect("all are short", [6, 6], [g["short_lives"] for g in groups])
    got = sum(g["short_cpu_ns"] for g in groups)
    expect_true("it burns something", want > 100e6, want)
    expect_true("CPU time, within 2 % or 10 ms", abs(got - want) <= max(0.02 * want, 10e6), got, want, groups)
    total = lines_of(told, "spawns")[0]
    expect_true("the sum holds them", total["short_cpu_ns"] >= got and total["short_lives"] >= 12, total)


FAILING = """
import os
for code in (127, 126, 127, 1):
    if os.fork() == 0:
        os._exit(code)
    os.wait()
"""


@test(seconds=60)
def children_that_end_as_exec_fails_are_told():
    told = spawns([os.path.realpath(sys.executable), "-S", "-c", FAILING])[0]
    workers = [g for g in lines_of(told, "spawn_group") if g["worker"]]
    expect("workers, failed", [(4, 3)], [(g["count"], g["exec_failed_inferred"]) for g in workers])
    expect_true("it is found", "exec_failed" in [f["finding"] for f in lines_of(told, "finding")], told)


HEAP = """
import os
heap = bytearray(600 << 20)
for i in range(0, len(heap), 4096):
    heap[i] = 1
for spawn in (0, 1):
    if spawn:
        pid = os.posix_spawn("/bin/true", ["true"], {})
    else:
        pid = os.fork()
        if not pid:
            os.execv("/bin/true", ["true"])
    os.waitpid(pid, 0)
"""


@test(seconds=60)
def a_large_heap_is_blamed_for_fork_only():
    told = spawns([os.path.realpath(sys.executable), "-S", "-c", HEAP])[0]
    expect("finding", [("large_heap", "fork")],
           [(f["finding"], f["how"]) for f in lines_of(told, "finding") if f["finding"] == "large_heap"])


@test(seconds=60)
def text_fits_eighty_columns():
    d = temp_dir()
    out = os.path.join(d, "text")
    env = dict(os.environ, COLUMNS="80")
    run([PROCTRAIL, "spawns", "--hist", "--slowest", "5", "-o", out, "--",
         *gen("spawn", "--how", "mixed", "--count", 50)], env=env)
    with open(out) as f:
        text = f.read()
    for line in text.splitlines():
        expect_true("no line is longer", len(line) <= 80, line)
    for word in ("spawns in ", "HOW ", "birth to exec:", "the slowest:"):
        expect_true("it says: " + word, word in text, text)


def queue_finding(told):
    found = [f for f in lines_of(told, "finding") if f["finding"] == "queue" and f.get("program") == "true"]
    expect_true("it is found once", len(found) == 1, told[-3000:])
    return found[0]


def text_of(cmd, *options):
    out = os.path.join(temp_dir(), "text")
    run([PROCTRAIL, "spawns", "-o", out, *options, "--", *cmd], env=dict(os.environ, COLUMNS="80"), seconds=50)
    with open(out) as f:
        return f.read()


SIXTEEN = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do /bin/true; done"


@test(seconds=60)
def who_waits_for_a_cpu_is_told():
    """Four hogs on the one CPU that the spawner may use."""
    cpu = {min(os.sched_getaffinity(0))}
    pin = lambda: os.sched_setaffinity(0, cpu)  # noqa: E731
    hogs = [start([sys.executable, "-S", "-c", "while True: pass"], preexec_fn=pin, stdout=subprocess.DEVNULL)
            for _ in range(4)]
    told = spawns(["taskset", "-c", str(min(cpu)), "sh", "-c", SIXTEEN], seconds=50)[0]
    for h in hogs:
        h.kill()
    group = next(g for g in lines_of(told, "spawn_group") if g.get("program") == "true")
    expect("spawns", 16, group["count"])
    expect_true("a third of the time and more is queueing", group["queued_ns"] > group["split_ns"] / 3, group)
    found = queue_finding(told)
    expect("why", ("busy", None), (found["cause"], found.get("throttled_periods")))
    if os.path.exists("/proc/pressure/cpu"):
        expect_true("the pressure is told", found["cpu_pressure_percent"] > 50, found)


def cpu_cgroup(quota_us, period_us):
    """A cgroup with a quota where CPU time is limited here: (its folder, its path)"""
    path = "/proctrail-live-%d" % os.getpid()
    with open("/proc/mounts") as f:
        mounts = [line.split()[1:4] for line in f]
    v1 = next((m for m, kind, o in mounts if kind == "cgroup" and "cpu" in o.split(",")), None)
    v2 = next((m for m, kind, o in mounts if kind == "cgroup2"), None)
    d = (v1 or v2 or "") + path
    try:
        os.mkdir(d)
        at_end(lambda: until("%s is gone" % d, lambda: gone(d)))
        files = {"cpu.cfs_period_us": period_us, "cpu.cfs_quota_us": quota_us} if v1 else {
            "cpu.max": "%d %d" % (quota_us, period_us)}
        for name, value in files.items():
            with open(os.path.join(d, name), "w") as f:
                f.write(str(value))
    except OSError as e:
        raise Skip("no cgroup limits CPU time here: %s" % e)
    return d, path


@test(seconds=60)
def who_is_throttled_is_not_called_busy():
    """A tenth of a CPU: the kernel counts who is throttled as runnable without a CPU."""
    d, path = cpu_cgroup(1000, 10000)
    loop = "i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done"
    cmd = ["sh", "-c", "echo $$ > %s/cgroup.procs; sh -c '%s'" % (d, loop)]
    told = spawns(cmd, "--by", "program", seconds=50)[0]
    found, after = queue_finding(told), counts_of(d)
    expect("why, by which quota", ("throttled", path, 1000, 10000),
           tuple(found.get(k) for k in ("cause", "quota_cgroup", "quota_us", "quota_period_us")))
    expect_true("as often as the cgroup says, at most, and more than half",
                after["nr_throttled"] / 2 <= found["throttled_periods"] <= after["nr_throttled"] and
                found["throttled_periods"] <= found["periods"] <= after["nr_periods"], found, after)
    text = " ".join(text_of(cmd).split())
    expect_true("the text says so", "throttled by the quota of %s (0.1 of a CPU): " % path in text, text)


@test(seconds=60)
def a_containers_start_is_a_class_of_its_own():
    """Its init is born in a new pid namespace and runs nothing of its own before the program."""
    script = "/bin/true; unshare --pid --fork sh -c '/bin/true; :'; unshare --pid --fork /bin/true; :"
    told = spawns(["sh", "-c", script], "--by", "program", "--slowest", "20")[0]
    groups = {(g["program"], g.get("container_start", False)): g["count"] for g in lines_of(told, "spawn_group")}
    expect("programs, which start containers", {("sh", True): 1, ("true", True): 1}.items(),
           {k: v for k, v in groups.items() if k[1]}.items())
    expect("the others start none", (2, 2), (groups.get(("true", False)), groups.get(("unshare", False))))
    expect("one by one", 2, len([x for x in lines_of(told, "spawn") if x.get("container_start")]))
    text = text_of(["sh", "-c", script])
    expect_true("the text says so", "\ncontainer " in text and "2 containers started: " in text, text)


PILE = """
import subprocess, time
for _ in range(7):
    subprocess.Popen(["sleep", "4"])
    time.sleep(0.45)
for _ in range(7):
    subprocess.Popen(["env", "sleep", "4"])
subprocess.run(["sleep", "4"])
"""


@test(seconds=60)
def copies_that_pile_up_are_told():
    """Seven one after the other that stay; seven more at once, which are no pile."""
    python = os.path.realpath(sys.executable)
    trail = os.path.join(temp_dir(), "t.trail")
    live = run([PROCTRAIL, "spawns", "--json", "--duration", "3300ms", "--by", "program", "-w", trail, "--",
                python, "-S", "-c", PILE])[1]
    again = run([PROCTRAIL, "spawns", "--json", "--by", "program", "-r", trail])[1]
    for told in (live, again):
        found = [f for f in lines_of(told, "finding") if f["finding"] == "pile_up"]
        expect("what piles up", [("sleep", ["sleep", "4"])], [(f["program"], f.get("args")) for f in found])


STORM = """
import os, subprocess, sys, time
end, rounds = time.monotonic() + 1.2, 0
while time.monotonic() < end or rounds < 12:
    rounds += 1
    for _ in range(30):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    subprocess.run([sys.executable, "-S", "-c", "0"])
print(os.getpid())
"""


@test(seconds=60)
def a_storm_has_a_root_and_an_interpreter_a_price():
    python = os.path.realpath(sys.executable)
    told, out = spawns([python, "-S", "-c", STORM])
    found = {f["finding"]: f for f in lines_of(told, "finding")}
    expect("who storms", int(out), found.get("storm", {}).get("root_pid"))
    expect("whose start is told", os.path.basename(python), found.get("interpreter", {}).get("program"))
    group = next(g for g in lines_of(told, "spawn_group") if g.get("program") == os.path.basename(python))
    start = found["interpreter"]["start_cpu_max_ns"]
    expect_true("it is not more than a life takes", 0 < start <= group["short_cpu_ns"] / group["short_lives"],
                start, group)
    text = " ".join(text_of([python, "-S", "-c", STORM]).split())
    for words in ("a persistent worker would save at most ", " and what it starts."):
        expect_true("the text says: " + words, words in text, text)


@test(seconds=60)
def each_spawn_is_told_as_it_happens():
    told = spawns(gen("spawn", "--how", "mixed", "--count", 60), "--follow", "--slowest", "1000")[0]
    first = json.loads(told.splitlines()[0])["event"]
    each = [(x["pid"], x["total_ns"]) for x in lines_of(told, "spawn")]
    expect("the first line", "start", first)
    seen = collections.Counter(each)
    expect_true("each is told as it happens, and again as one of the slowest",
                len(each) >= 120 and set(seen.values()) == {2}, seen)
