# SPDX-License-Identifier: GPL-2.0-only
"""An output that is closed, full, or not read: nothing is half written, nobody waits for it."""
import fcntl
import json
import os
import signal
import subprocess
import time

from lib import (PROCTRAIL, Mismatches, at_end, bpf_ids, events_of, expect, expect_true, gen, parse_line,
                 proc_stat, run, start, temp_dir, test, truth_and_messages, until)

STORM = gen("storm", "--count", 3000)


@test()
def a_closed_stdout_is_a_failure_with_a_message():
    rc, out, err = run(["sh", "-c", '"$0" trace --json -- "$@" >&-', PROCTRAIL, "/bin/true"])
    expect_true("exit status %d" % rc, rc in (1, 125), err)
    expect_true("a message on stderr", b"stdout" in err or b"output" in err, err)


@test()
def head_ends_it_quietly():
    rc, out, err = run(["bash", "-c", '"$0" trace --json -- "$@" 2>"$1.err" | head -1; echo ${PIPESTATUS[0]}; '
                        'grep -v "^{" "$1.err"; rm "$1.err"', PROCTRAIL,
                        *link_storm()])
    lines = out.decode().split("\n")
    expect("the first line", "start", parse_line(lines[0].encode() + b"\n")["event"])
    # SIGPIPE or a quiet end; CMD's own end is what counts as soon as it has ended
    expect_true("status after SIGPIPE: %s" % lines[1], lines[1] in ("0", "141"), lines)
    expect("words on stderr", ["", ""], lines[2:] + [""] * (4 - len(lines)))


def link_storm():
    """The storm under a path of ours, so that a file beside it can be made"""
    path = os.path.join(temp_dir(), "storm")
    os.symlink(STORM[0], path)
    return [path, *STORM[1:]]


def small_disk(kib):
    d = temp_dir()
    rc, _, err = run(["mount", "-t", "tmpfs", "-o", "size=%dk" % kib, "none", d])
    expect("mount", 0, rc)
    at_end(lambda: subprocess.run(["umount", "-l", d], check=False))
    return d


@test()
def a_full_disk_is_said_and_the_last_line_is_whole():
    target = os.path.join(small_disk(64), "out")
    rc, _, err = run([PROCTRAIL, "trace", "--json", "-o", target, "--", *STORM])
    _, messages = truth_and_messages(err)
    with open(target, "rb") as f:
        content = f.read()
    with Mismatches("a full disk") as m:
        m.true("exit status %d" % rc, rc in (1, 125))
        m.true("the message", any(target in w and "space" in w for w in messages), messages)
        m.true("something is written", len(content) > 10000, len(content))
        m.same("the file ends with a whole line", b"\n", content[-1:])
    for line in content.splitlines(True):
        parse_line(line)


@test()
def dev_full_is_a_failure():
    rc, _, err = run([PROCTRAIL, "trace", "--json", "-o", "/dev/full", "--", "/bin/true"])
    expect_true("exit status %d" % rc, rc in (1, 125), err)
    expect_true("the message", b"/dev/full" in err and b"space" in err, err)
    for cmd in ([], ["tree"], ["help"], ["version"]):
        rc, _, err = run(["sh", "-c", '"$0" "$@" >/dev/full', PROCTRAIL, *cmd])
        expect("%r >/dev/full" % cmd, 1, rc)


def unread_trace(count):
    """Starts a storm whose JSON goes into a pipe that nobody reads."""
    rd, wr = os.pipe()
    fcntl.fcntl(wr, 1031, 65536)	# F_SETPIPE_SZ
    truth = os.path.join(temp_dir(), "truth")
    p = start([PROCTRAIL, "trace", "--json", "--", *gen("storm", "--count", count)], stdout=wr,
              stderr=open(truth, "wb"), stdin=subprocess.DEVNULL)
    os.close(wr)
    return p, rd, truth


def truth_there(path):
    with open(path, "rb") as f:
        return b'"do":"end"' in f.read()


@test(seconds=90)
def a_reader_that_stands_for_ten_seconds_costs_nothing():
    began = time.monotonic()
    p, rd, truth = unread_trace(40000)
    until("the storm ends, whoever reads", lambda: truth_there(truth), 30)
    while time.monotonic() - began < 10:	# the promise is about ten seconds
        time.sleep(0.1)
    expect("proctrail waits for its reader", None, p.poll())
    last = kinds = b""
    counts, dropped = {}, 0
    with os.fdopen(rd, "rb") as f:
        for line in f:
            last = line
            kinds = line[10:line.index(b'"', 10)]
            counts[kinds] = counts.get(kinds, 0) + 1
            if kinds == b"lost":
                expect("reason of what is lost", "output", parse_line(line)["reason"])
    p.wait(10)
    summary = parse_line(last)
    with Mismatches("after a standing reader") as m:
        m.same("last line", "summary", summary["event"])
        m.same("lost in the kernel", (0, 0), (summary["missed"], summary["lost"]))
        m.same("forks known", 40000, summary["forks"])
        if summary.get("dropped"):	# 64 MiB are queued; what goes beyond is dropped, and said
            m.true("what was dropped is said", counts.get(b"lost") or dropped_said(truth), counts)
        else:
            m.same("forks told", 40000, counts[b"fork"])


def dropped_said(path):
    with open(path, "rb") as f:
        return b"dropped" in f.read()


def tracing(*args):
    out = os.path.join(temp_dir(), "out")
    p = start([PROCTRAIL, "trace", "--json", "-o", out, *args], stderr=subprocess.PIPE)
    until("proctrail is attached", lambda: len(bpf_ids(p.pid)["link"]) >= 8)
    until("it has begun", lambda: os.path.exists(out) and os.path.getsize(out) > 0)
    return p, out


@test()
def interrupts_end_it_with_the_summary():
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        p, out = tracing("--pid", str(os.getpid()))
        p.send_signal(sig)
        try:
            rc = p.wait(3)
        except subprocess.TimeoutExpired:
            rc = "still there after 3 s"
        expect("exit status after %s" % sig, 0, rc)
        lines = list(events_of(out))
        expect("the last line", "summary", lines[-1]["event"])
        expect("complete", not lines[-1]["healed"], lines[-1]["complete"])


@test()
def an_interrupt_does_not_wait_for_a_reader():
    rd, wr = os.pipe()
    p = start([PROCTRAIL, "trace", "--json", "--", "bash", "-c",
               "for ((i = 0; i < 400; i++)); do /bin/true; done; read x"], stdout=wr,
              stderr=subprocess.DEVNULL, stdin=subprocess.PIPE)
    os.close(wr)
    until("proctrail is attached", lambda: len(bpf_ids(p.pid)["link"]) >= 8)
    # whole lines in pieces of a page: two that fit share one, so more than half is filled
    until("the pipe is full", lambda: pipe_holds(rd) > 15 * 2048, 20)
    p.send_signal(signal.SIGINT)
    try:
        p.wait(5)
    except subprocess.TimeoutExpired:
        expect_true("SIGINT with nobody reading: still there after 5 s", False)
    finally:
        os.close(rd)


def pipe_holds(fd):
    buf = bytearray(4)
    fcntl.ioctl(fd, 0x541b, buf)	# FIONREAD
    return int.from_bytes(buf, "little")


@test()
def a_stopped_proctrail_loses_nothing_that_fits():
    out = os.path.join(temp_dir(), "out")
    p = start([PROCTRAIL, "trace", "--json", "-o", out, "--", "bash"], stdin=subprocess.PIPE,
              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdin.write(b"echo begun\n")
    p.stdin.flush()
    expect("CMD runs", b"begun\n", p.stdout.readline())
    p.send_signal(signal.SIGSTOP)
    until("it is stopped", lambda: proc_stat(p.pid)[0] == "T")
    p.stdin.write(" ".join(gen("storm", "--count", 2000)).encode() + b"\n")
    p.stdin.flush()
    while b'"do":"end"' not in p.stdout.readline():
        pass
    p.send_signal(signal.SIGCONT)
    p.stdin.close()
    expect("exit status", 0, p.wait(20))
    last = json.loads(open(out, "rb").read().splitlines()[-1])
    expect("(lost, complete, forks)", (0, not last["healed"], 2001), (last["lost"], last["complete"], last["forks"]))
