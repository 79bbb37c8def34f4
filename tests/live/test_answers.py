# SPDX-License-Identifier: GPL-2.0-only
"""What the commands answer: the living and the dead of a tree, filters, JSON beside text."""
import json
import os
import re
import signal
import subprocess
import time

from lib import (Bench, Mismatches, PROCTRAIL, bpf_ids, expect, expect_true, gen, proc_stat, run, start,
                 temp_dir, test, trace, until)

QUIET = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh"]


def text_of(*cmd, **popen):
    rc, out, err = run([PROCTRAIL, *cmd], **popen)
    expect("exit status of %s" % " ".join(cmd), 0, rc)
    return out.decode("utf-8")


@test()
def trace_has_a_header_what_happened_and_a_summary():
    lines = text_of("trace", "--wide", "--", *QUIET, *gen("spawn", "--how", "fork", "--count", 4)).splitlines()
    text = "\n".join(lines)
    with Mismatches("trace as text") as m:
        m.true("no header with the zone:", lines[0].startswith(time.strftime("%Z")), lines[0])
        m.true("the generator's exec:", "spawn --how fork --count 4" in text, text)
        m.same("lines of fork, exec, exit", (4, 6, 5),
               tuple(len(re.findall(r"^\S+ +\d+ %s " % k, text, re.M)) for k in ("fork", "exec", "exit")))
        m.true("no summary:", "5 deaths" in lines[-1] and "none lost" in lines[-1], lines[-1])


@test()
def a_snapshot_tree_folds_and_wide_does_not():
    bench = Bench()
    bench.sh(" ".join(gen("hold", "--count", 12, "--ms", 30000)) + " &")
    bench.wait("ready")
    pid = str(bench.proc.pid)
    text = text_of("tree", "--pid", pid)
    expect_true("like siblings are not folded", re.search(r"hold x12", text), text)
    wide = text_of("tree", "--wide", "--pid", pid)
    expect("processes called hold with --wide", 13, wide.count("hold["))
    rows = [json.loads(x) for x in text_of("tree", "--json", "--pid", pid).splitlines()]
    expect("rows as JSON", 14, len([r for r in rows if r["event"] == "proc"]))
    bench.sh("kill $(jobs -p); wait")
    bench.end()


@test()
def a_watching_tree_shows_the_dead_with_their_fates():
    out = os.path.join(temp_dir(), "out")
    bench = Bench(PROCTRAIL, "tree", "-o", out, "--duration", "2s", "--")
    bench.sh(" ".join(gen("signals", "--how", "kill")))
    bench.wait("end")
    until("the time is over", lambda: bench.proc.poll() is not None)
    expect("exit status, CMD left running", 0, bench.proc.returncode)
    with open(out) as f:
        text = f.read()
    with Mismatches("the tree of two seconds") as m:
        m.true("the first line:", re.match(r"3 processes in 2(\.\d)?s, 2 ended .*complete$",
                                           text.splitlines()[0]), text)
        m.true("the killed and its fate:", re.search(r"signals\[\d+\].*SIGKILL", text), text)
    bench.end()


@test()
def pid_follows_a_running_process_and_its_children_only():
    bench, other = Bench(), Bench()
    out = os.path.join(temp_dir(), "out")
    p = start([PROCTRAIL, "trace", "--json", "-o", out, "--pid", str(bench.proc.pid)])

    def seen(word):
        other.sh("/bin/true")
        bench.sh("/bin/echo '{\"do\":\"%s\"}'" % word)
        bench.wait(word)
        with open(out, "rb") as f:
            return re.search(b'"event":"fork".*"event":"exec".*"echo"', f.read(), re.S)
    until("children of the shell are seen", lambda: os.path.exists(out) and seen("tried"), 10)
    p.send_signal(signal.SIGINT)
    expect("exit status", 0, p.wait(5))
    with open(out, "rb") as f:
        events = [json.loads(x) for x in f]
    expect("parents of who was born", {bench.proc.pid}, {e["ppid"] for e in events if e["event"] == "fork"})
    expect("programs", {"/bin/echo"}, {e.get("exe") for e in events if e["event"] == "exec"})
    bench.end()
    other.end()


@test()
def filters_hide_but_do_not_forget():
    t = trace(gen("spawn", "--how", "fork", "--count", 5), "--comm", "exe", "--events", "exec,exit")
    expect("comms shown", {"exe"}, {e["comm"] for e in t.of("exec", "exit")})
    expect("events shown", {"start", "exec", "exit", "summary"}, {e["event"] for e in t.events})
    expect("deaths counted", 6, t.summary["deaths"])
    t = trace(gen("spawn", "--how", "fork", "--count", 5), "--match", "exit-now [13]$", "--events", "exec")
    expect("matched", ["1", "3"], [e["args"][-1] for e in t.of("exec")])


@test()
def a_pipe_gets_no_colour_and_columns_is_obeyed():
    text = text_of("tree", "--", *QUIET, *gen("spawn", "--count", 2))
    expect_true("colour in a pipe", "\x1b" not in text, repr(text))
    text = text_of("trace", "--", *QUIET, *gen("spawn", "--count", 2), env=dict(os.environ, COLUMNS="60"))
    expect_true("COLUMNS=60", max(map(len, text.splitlines())) <= 60, text)


@test(tracing=False)
def version_help_and_doctor_answer():
    expect_true("version", text_of("version").startswith("proctrail "))
    expect("version as JSON", "version", json.loads(text_of("version", "--json"))["event"])
    for words in (["help"], ["help", "trace"], ["trace", "--help"], ["help", "doctor"]):
        expect_true("%s says nothing" % words, len(text_of(*words)) > 200)
    rc, out, _ = run([PROCTRAIL, "doctor", "--json"])
    rows = [json.loads(x) for x in out.splitlines()]
    expect_true("kinds of doctor's rows", {"doctor", "check", "hook"} <= {r["event"] for r in rows}, rows[:3])


@test(tracing=False)
def health_ends_with_what_to_type_next():
    lines = text_of().splitlines()
    expect_true("%d lines" % len(lines), len(lines) <= 24, *lines)
    expect_true("no NEXT", any(x.startswith("NEXT") for x in lines), *lines)


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """The states of a process's children"""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [proc_stat(int(c))[0] for c in f.read().split()]


@test()
def after_cmds_end_it_sleeps_while_descendants_live():
    p = start([PROCTRAIL, "trace", "--json", "-o", os.path.join(temp_dir(), "out"), "--", "bash", "-c",
               "exec 3<&0; cat <&3 >/dev/null & exit 0"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until("proctrail is attached", lambda: len(bpf_ids(p.pid)["link"]) >= 8)
    until("CMD has ended", lambda: children(p.pid) in ([], ["Z"]))
    before, began = cpu_s(p.pid), time.monotonic()
    time.sleep(2)	# the time over which it is measured
    used = (cpu_s(p.pid) - before) / (time.monotonic() - began)
    p.stdin.close()
    expect("exit status", 0, p.wait(10))
    # an idle reader takes 0.1 %, one that spins 25 % and more: no question of speed
    expect_true("%.0f %% of a CPU while nothing happens" % (100 * used), used < 0.1)


@test()
def cmd_keeps_its_privileges_and_signal_mask():
    with open("/proc/self/status") as f:
        mine = dict(line.split(":\t") for line in f if ":\t" in line)
    rc, _, err = run([PROCTRAIL, "trace", "--json", "--", "grep", "-E", "^(CapEff|NoNewPrivs|SigBlk)",
                      "/proc/self/status"])
    got = dict(line.split(":\t") for line in err.decode().splitlines(True) if ":\t" in line)
    for name in ("CapEff", "NoNewPrivs"):
        expect("%s of CMD" % name, mine[name], got.get(name))
    expect("signals blocked in CMD", 0, int(got["SigBlk"], 16))
