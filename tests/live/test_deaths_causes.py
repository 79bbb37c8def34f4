# SPDX-License-Identifier: GPL-2.0-only
"""Who died of what, and why: every verdict of 'deaths' against waitpid and the senders' own log."""
import collections
import json
import os

from lib import (PROCTRAIL, Mismatches, Skip, at_end, expect, expect_true, fate_of_truth, gen, run, start,
                 temp_dir, test, truth_and_messages, until)

LONG = bool(os.environ.get("TEST_LONG"))

CAUSES = {"exit": "exit", "shell": "exit", "self": "signal", "kill": "signal", "tgkill": "signal",
          "sigqueue": "signal", "pipe": "signal", "timer": "signal", "alarm": "signal", "race": "signal",
          "handled": "signal", "ignored": "signal", "blocked": "signal", "fault": "fault",
          "pdeathsig": "pdeathsig", "seccomp": "seccomp", "tty": "tty", "group": "group_kill",
          "rlimit": "rlimit"}
HOWS = {"kill": "kill", "tgkill": "tgkill", "sigqueue": "sigqueue", "pipe": "pipe", "timer": "timer",
        "alarm": "timer", "self": "kill", "group": "kill"}


# A timer's signal comes in an interrupt. Whenever that comes upon a thread of pid 1, this 6.18 runs no program and
# does not count it as missed. Then the verdict is 'unknown', never another one, and the answer is incomplete.
UNSEEN = {"alarm", "timer"}


def lines_of(out):
    return [json.loads(x) for x in out.splitlines()]


class Told:
    """proctrail deaths on a command: live, and again from its trail."""

    def __init__(self, cmd, *options, seconds=60, code=0):
        d = temp_dir()
        live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
        self.trail = trail
        rc, out, err = run([PROCTRAIL, "deaths", "--json", "--all", "-o", live, "-w", trail, *options, "--",
                            *cmd], seconds)
        self.truth, messages = truth_and_messages(out, err)
        expect("exit code, %s" % messages[-5:], code, rc)
        with open(live, "rb") as f:
            self.lines = lines_of(f.read())
        again = lines_of(run([PROCTRAIL, "deaths", "--json", "--all", "-r", trail], seconds)[1])
        with Mismatches("from its trail") as m:
            m.same("lines", len(self.lines), len(again))
            for one, other in zip(self.lines[1:-1], again[1:-1]):
                m.same(one["event"], one, other)
        self.deaths = {}
        for x in self.lines:
            if x["event"] == "death":
                self.deaths.setdefault(x["pid"], []).append(x)
        self.summary = self.lines[-1]
        expect("loss", (0, 0), (self.summary["lost"], self.summary["missed"]))

    def did(self, deed):
        return [t for t in self.truth if t["do"] == deed]

    def of(self, pid):
        """Pids of short lives come again: a run is too short for that here."""
        told = self.deaths.get(pid, [])
        expect("deaths told of %d" % pid, 1, len(told))
        return told[0]


def words_of(t, *options):
    """The text, unwrapped"""
    return " ".join(run([PROCTRAIL, "deaths", "-r", t.trail, *options])[1].decode().split())


CORE = {3, 4, 5, 6, 7, 8, 11, 24, 25, 31}


def first_of(them):
    """Nobody's call ended before theirs began."""
    end = min((s["end_ns"] for s in them), default=0)
    return {s["sender"] for s in them if s["begin_ns"] <= end}


def killers_of(sent, sig):
    """
    A signal ends the process when it is sent; one that dumps core when it is taken, and then from the
    thread's own queue before the process's, whichever was sent first.
    """
    them = [s for s in sent if s["signal"] == sig and s["sent"]]
    if sig not in CORE:
        return first_of(them)
    to_thread = [s for s in them if s["api"] == "tgkill"]
    return first_of(to_thread) | first_of([s for s in them if s not in to_thread])


def check_sent(m, where, plan, got, sent):
    senders = killers_of(sent, got.get("signal"))
    m.true(where, got.get("killer_pid") in senders, got.get("killer_pid"), "not in", senders)
    m.same(where + " killer_comm", "deaths", got.get("killer_comm"))
    # the worker that made the sender, and the one that made the worker
    m.true(where, len(got.get("killer_ancestor_pids", [])) >= 2, "has no ancestors", got)


def check_asked(m, where, plan, got, sent):
    term = [s for s in sent if s["signal"] == 15]
    # on a busy machine its handler may get no time between the two
    fates = {"handled": ("handled", "pending")}.get(plan["how"], (plan["how"],))
    m.true(where, got.get("asked_fate") in fates, "asked_fate", got.get("asked_fate"))
    m.same(where + " asked_by_pid", term[0]["sender"], got.get("asked_by_pid"))
    before = got.get("asked_before_ns", 0)
    m.true(where, plan["pause_ns"] <= before, "was asked", before, "before, not", plan["pause_ns"])


def check_one(m, t, plan, got, sent):
    how, where = plan["how"], "%s %s" % (plan["how"], plan["pid"])
    if how in HOWS:
        m.same(where + " how", HOWS[how], got.get("how"))
    if how in ("kill", "tgkill", "sigqueue", "race", "handled", "ignored", "blocked", "group"):
        check_sent(m, where, plan, got, sent)
    if how in ("handled", "ignored", "blocked"):
        check_asked(m, where, plan, got, sent)
    if how == "self":
        m.same(where + " killer", plan["pid"], got.get("killer_pid"))
    if how == "fault":
        m.same(where + " fault_addr", plan["addr"], got.get("fault_addr"))
    if how == "seccomp":
        m.same(where + " system call", plan["nr"], got.get("seccomp_syscall"))
    if how == "pdeathsig":
        m.same(where + " killer", plan["parent"], got.get("killer_pid"))
        m.same(where + " signal", plan["signal"], got.get("signal"))
    if how == "tty":
        m.same(where + " killer", plan["sender"], got.get("killer_pid"))
    if how == "group":
        m.same(where + " group_size", plan["size"], got.get("group_size"))
    if how == "shell":
        m.same(where + " child", (plan["child"], plan["signal"]),
               (got.get("child_pid"), got.get("child_signal")))


def check_all(t):
    by_target = collections.defaultdict(list)
    for s in t.did("sent"):
        by_target[abs(s["target"])].append(s)
    unseen = 0
    with Mismatches("deaths") as m:
        for death in t.did("death"):
            got = t.of(death["pid"])
            m.same("fate of %d" % death["pid"], fate_of_truth(death),
                   (got.get("exit_code"), got.get("signal"), got.get("core_dumped")))
        for plan in t.did("plan"):
            got = t.of(plan["pid"])
            if plan["how"] in UNSEEN and got["cause"] == "unknown":
                unseen += 1
                continue
            m.same("cause of %s %d" % (plan["how"], plan["pid"]), CAUSES[plan["how"]], got["cause"])
            check_one(m, t, plan, got, by_target[plan["pid"]])
    # frees that nobody told of are among the healed, too
    expect_true("unseen ones are counted", unseen <= t.summary["healed"], unseen, t.summary)
    expect("complete", not t.summary["healed"], t.summary["complete"])
    ends = t.did("end")[-1]
    expect("deaths, the generator's and itself", ends["deaths"] + 1, sum(map(len, t.deaths.values())))


@test(seconds=400 if LONG else 90)
def every_verdict_agrees_with_waitpid_and_the_senders():
    count = 10000 if LONG else 300
    t = Told(gen("deaths", "--count", count, "--jobs", 4, "--seed", 7), seconds=300 if LONG else 60)
    check_all(t)
    expect("all ways to die came up", set(CAUSES) - {"rlimit"}, {p["how"] for p in t.did("plan")})


@test(seconds=90)
def killers_that_race_are_told_apart():
    check_all(Told(gen("deaths", "--how", "race", "--count", 200, "--jobs", 4, "--seed", 3)))


@test(seconds=60)
def a_cpu_limit_is_named():
    check_all(Told(gen("deaths", "--how", "rlimit", "--count", 1, "--jobs", 1)))


@test(seconds=60)
def a_group_kill_is_one_entry_with_its_victims():
    t = Told(gen("deaths", "--how", "group", "--count", 3, "--jobs", 1))
    groups = collections.Counter(x["group"] for x in t.lines if x.get("cause") == "group_kill")
    expect("victims of each", [4, 4, 4], sorted(groups.values()))
    text = words_of(t)
    expect("entries", 3, text.count("4 died together"))
    expect("words of the cause", 3, text.count("which sent it to 4 in one moment"))


NAMESPACE = """
exec unshare --pid --fork --kill-child sh -c 'sleep 30 & sleep 30 & sleep 30 & exit 3'
"""


@test(seconds=60)
def the_end_of_a_pid_namespace_is_one_event():
    t = Told(["sh", "-c", NAMESPACE], code=3)
    ended = [x for x in t.lines if x.get("cause") == "namespace_end"]
    expect("killed by its end", 3, len(ended))
    init = [x for x in t.lines if x.get("pidns_pid") == 1 and x["event"] == "death"]
    expect("the init", [3], [x.get("exit_code") for x in init])
    expect("killers", {init[0]["pid"]}, {x["killer_pid"] for x in ended})
    expect("one group", 1, len({x["group"] for x in ended}))


PID1 = """
exec unshare --pid --fork --kill-child sh -c 'sleep 30; true' &
sleep 0.3
init=$(cat /proc/$!/task/$!/children)
kill -TERM $init
sleep 0.2
kill -KILL $init
wait
true
"""


@test(seconds=60)
def a_sigterm_that_the_kernel_drops_for_pid_1_is_named():
    t = Told(["bash", "-c", PID1])
    init = [x for x in t.lines if x.get("pidns_pid") == 1 and x["event"] == "death"]
    expect("deaths of a pid 1", 1, len(init))
    expect("(signal, asked, fate)", (9, 15, "dropped"),
           (init[0].get("signal"), init[0].get("asked_signal"), init[0].get("asked_fate")))
    text = words_of(t)
    expect_true("in words", "which the kernel dropped: pid 1 has no handler for it" in text, text)


@test(seconds=60)
def the_text_fits_and_says_what_json_says():
    t = Told(gen("deaths", "--count", 60, "--jobs", 2, "--seed", 11))
    told = run([PROCTRAIL, "deaths", "-r", t.trail, "--utc"])[1].decode().splitlines()
    ended = [x for x in t.lines if x["event"] == "deaths"][0]
    with Mismatches("lines") as m:
        for line in told:
            m.true("80 columns", len(line) <= 80, repr(line))
    expect_true("the summary stands first", told[0].startswith("%d deaths in " % ended["deaths"]), told[:2])
    expect_true("failed ones", ", %d failed (%d killed)" % (ended["failed"], ended["killed"]) in told[0], told[0])
    text = " ".join(" ".join(told).split())
    for words in ("as it had asked for, at the death of its parent deaths[", "its terminal hung up",
                  " at 0x1", "SIGUSR1 of a timer", "nobody reads any more"):
        expect_true("words", words in text, words, told)


@test(seconds=60)
def only_what_was_asked_for():
    t = Told(gen("deaths", "--count", 60, "--jobs", 2, "--seed", 11))
    every = [x for x in t.lines if x["event"] == "death"]
    for options, wanted in ((("--failed",), lambda x: x.get("exit_code") != 0), ((), lambda x: x.get("exit_code") != 0),
                            (("--signal", "kill"), lambda x: x.get("signal") == 9)):
        got = [x for x in lines_of(run([PROCTRAIL, "deaths", "--json", "-r", t.trail, *options])[1])
               if x["event"] == "death"]
        expect("deaths told with %s" % (options,), [x["pid"] for x in every if wanted(x)], [x["pid"] for x in got])
    expect_true("some are not told", len(got) < len(every), len(every))


@test(seconds=60)
def shells_codes_and_crash_loops():
    script = "for i in 1 2 3 4; do sh -c 'sleep 0.15; exit 7'; done; for i in 1 2 3 4; do sh -c 'exit 8'; done; nosuchcommand; true"
    t = Told(["bash", "-c", script])
    loops = [x for x in t.lines if x["event"] == "death_pattern" and x["crash_loop"]]
    expect("crash loops", [("sh", 7, 4, "bash")],
           [(x["comm"], x["exit_code"], x["count"], x["starter_comm"]) for x in loops])
    expect_true("its period", 150e6 <= loops[0]["period_ns"] < 1e9, loops)
    text = words_of(t)
    expect_true("127 has its words", "command not found" in text, text)
    expect_true("the loop, too", "a crash loop" in text, text)


@test(seconds=60)
def exit_lines_name_the_same_killers():
    t = Told(gen("deaths", "--count", 80, "--jobs", 4, "--seed", 5))
    exits = lines_of(run([PROCTRAIL, "trace", "--json", "--events", "exit", "-r", t.trail])[1])
    names = ("exit_code", "signal", "core_dumped", "killer_pid", "killer_comm", "lived_ns")
    with Mismatches("exit lines") as m:
        for x in (x for x in exits if x["event"] == "exit"):
            m.same(x["id"], [x.get(n) for n in names], [t.of(x["pid"]).get(n) for n in names])


def cgroup_dir(*roots):
    """A cgroup of our own in the first of these hierarchies that takes one."""
    for root in roots:
        path = os.path.join(root, "proctrail-test-%d" % os.getpid())
        try:
            os.mkdir(path)
        except OSError:
            continue
        at_end(lambda: os.rmdir(path))
        return path
    raise Skip("no cgroup can be made here")


@test(seconds=60)
def a_cgroup_kill_is_one_event():
    path = cgroup_dir("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
    if not os.path.exists(path + "/cgroup.kill"):
        raise Skip("no cgroup.kill here")
    script = """
    for i in 1 2 3; do (echo $BASHPID >%s/cgroup.procs; exec sleep 20) & done
    until [ $(wc -l <%s/cgroup.procs) = 3 ]; do sleep 0.02; done
    echo 1 >%s/cgroup.kill
    wait; true
    """ % (path, path, path)
    t = Told(["bash", "-c", script])
    killed = [x for x in t.lines if x.get("cause") == "cgroup_kill"]
    expect("(victims, groups, killers)", (3, 1, {"bash"}),
           (len(killed), len({x["group"] for x in killed}), {x["killer_comm"] for x in killed}))


HUNGRY = "b = [bytearray(1 << 20) for _ in range(400)]"


@test(seconds=90)
def the_oom_killers_victim_and_who_wrote_its_adj():
    path = cgroup_dir("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
    limit = next((f for f in ("memory.limit_in_bytes", "memory.max") if os.path.exists(os.path.join(path, f))),
                 None)
    if not limit:
        raise Skip("no memory cgroups here")
    with open(os.path.join(path, limit), "w") as f:
        f.write(str(64 << 20))
    script = """
    echo 321 >/proc/$BASHPID/oom_score_adj
    (echo $BASHPID >%s/cgroup.procs; exec python3 -S -c '%s')
    true
    """ % (path, HUNGRY)
    t = Told(["bash", "-c", script])
    if "oom" not in t.lines[0]["hooks"]:
        raise Skip("this kernel does not tell of OOM kills")
    victims = [x for x in t.lines if x.get("cause") == "oom"]
    expect("victims", 1, len(victims))
    v = victims[0]
    expect("(signal, adj, writer)", (9, 321, "bash"), (v["signal"], v["oom_score_adj"], v.get("adj_writer_comm")))
    expect("who ran out of memory", v["pid"], v["trigger_pid"])
    expect_true("its size", 30 << 10 < v["rss_kb"] <= 80 << 10, v)  # pages of files are not all charged


WRONG_VICTIM = """
exec 9<>%(fifo)s
(echo $BASHPID >%(cg)s/cgroup.procs; echo 10 >/proc/$BASHPID/oom_score_adj
 exec python3 -S -c 'b = bytearray(35 << 20); print(flush=True); input()') <&9 >%(fifo)s.ready &
big=$!
read <%(fifo)s.ready
(echo $BASHPID >%(cg)s/cgroup.procs; echo 900 >/proc/$BASHPID/oom_score_adj; exec python3 -S -c '%(hungry)s')
echo >&9
wait $big
"""


@test(seconds=90)
def the_oom_killers_wrong_victim_and_whom_it_spared():
    path = cgroup_dir("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
    limit = next((f for f in ("memory.limit_in_bytes", "memory.max") if os.path.exists(os.path.join(path, f))),
                 None)
    if not limit or not os.access("/dev/kmsg", os.R_OK):
        raise Skip("no memory cgroups, or no kernel log here")
    with open(os.path.join(path, limit), "w") as f:
        f.write(str(64 << 20))
    fifo = os.path.join(temp_dir(), "fifo")
    os.mkfifo(fifo)
    os.mkfifo(fifo + ".ready")
    t = Told(["bash", "-c", WRONG_VICTIM % {"cg": path, "fifo": fifo, "hungry": HUNGRY}])
    if "oom" not in t.lines[0]["hooks"]:
        raise Skip("this kernel does not tell of OOM kills")
    victims = [x for x in t.lines if x.get("cause") == "oom"]
    expect("victims", 1, len(victims))
    v = victims[0]
    big = next(x for x in t.lines if x["event"] == "death" and x["comm"] == "python3" and x is not v)
    expect("(where, limit, adj)", ("cgroup", 64 << 10, 900),
           (v["oom_where"], v.get("oom_limit_kb"), v["oom_score_adj"]))
    expect("whose limit", "/" + os.path.basename(path), "/" + os.path.basename(v["oom_cgroup"]))
    expect("spared (pid, adj, writer)", (big["pid"], 10, "bash"),
           (v.get("spared_pid"), v.get("spared_oom_score_adj"), v.get("spared_adj_writer_comm")))
    expect_true("it is larger", v["spared_size_kb"] > max(v["rss_kb"], 35 << 10), v)
    text = words_of(t)
    words = "larger, and spared because of its adj: python3[%d]" % big["pid"]
    expect_true("in words", words in text and "limit 64 MiB" in text, text)


@test(seconds=60)
def following_tells_each_as_it_dies():
    """Two seconds before the end of CMD its first death is out."""
    d = temp_dir()
    out = os.path.join(d, "out")
    p = start([PROCTRAIL, "deaths", "--follow", "-o", out, "--", "sh", "-c", "sh -c 'exit 5'; sleep 3; exit 0"])
    until("the first death", lambda: os.path.exists(out) and "exit 5" in open(out).read(), 2)
    expect_true("CMD lives", p.poll() is None)
    p.wait(20)
    with open(out) as f:
        lines = f.read().splitlines()
    expect_true("the summary comes at the end", " deaths in " in lines[2], lines)
