# SPDX-License-Identifier: GPL-2.0-only
"""Weather beyond refusals, output, safety: ends in a storm, a stopped terminal, descriptors, what CMD inherits."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from lib import (NOBODY, PROCTRAIL, Failed, Mismatches, Skip, at_end, bpf_ids, bpftool, descendants, events_of,
                 expect, expect_true, gen, parse_line, proc_stat, run, start, temp_dir, test, until)

KINDS = ("prog", "map", "link")


def attached(p):
    until("proctrail is attached", lambda: len(bpf_ids(p.pid)["link"]) >= 8)


def still_there(ids):
    """What of these ids the kernel still lists"""
    listed = {k: {o["id"] for o in bpftool(k, "list")} for k in KINDS}
    return {k: sorted(ids[k] & listed[k]) for k in KINDS if ids[k] & listed[k]}


def leaves_nothing(cmd, end, **popen):
    p = start([PROCTRAIL, *cmd], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **popen)
    attached(p)
    ids = bpf_ids(p.pid)
    seen = still_there(ids)
    expect("kinds that bpftool lists while it runs", sorted(KINDS), sorted(seen))
    end(p)
    p.wait(10)
    until("everything of it is gone from the kernel: %s" % cmd, lambda: not still_there(ids), 10)


@test()
def kill_9_of_a_tree_leaves_nothing_in_the_kernel():
    leaves_nothing(["tree", "--duration", "30s", "--pid", str(os.getpid())], lambda p: p.kill())


@test()
def kill_9_in_a_storm_leaves_nothing_in_the_kernel():
    def end(p):
        until("the storm rages", lambda: len(descendants(p.pid)) > 1, 10)
        kids = descendants(p.pid)
        p.kill()
        until("CMD goes on or ends by itself", lambda: all(gone(k) for k in kids), 20)
    leaves_nothing(["trace", "--", *gen("storm", "--count", 20000)], end, stdin=subprocess.DEVNULL)


def gone(pid):
    stat = proc_stat(pid)
    return stat is None or stat[0] in "ZX"


@test()
def an_interrupt_leaves_nothing_in_the_kernel():
    leaves_nothing(["trace", "--pid", str(os.getpid())], lambda p: p.send_signal(signal.SIGINT))

# ---- nobody, few descriptors, none -------------------------------------------------------------


@test(tracing=False)
def nobody_is_told_that_it_comes_from_proc():
    if os.geteuid() or not shutil.which("setpriv"):
        raise Skip("not root, or no setpriv")
    d = temp_dir()
    os.chmod(d, 0o755)
    p = shutil.copy(PROCTRAIL, d)
    with Mismatches("as nobody") as m:
        for args in ([], ["tree"]):
            rc, out, err = run(["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", "--regid=%d" % NOBODY, p,
                                *args], cwd="/")
            m.same("exit status of %r" % args, 0, rc)
            m.true("%r: /proc in its first line:" % args, b"/proc" in out.split(b"\n")[0], out[:200], err)


@test()
def closed_descriptors_get_no_records():
    out = os.path.join(temp_dir(), "out")
    for closed in ("<&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-"):
        rc, _, err = run(["sh", "-c", 'exec "$0" "$@" %s' % closed, PROCTRAIL, "trace", "--json", "-o", out, "--",
                          "/bin/true"])
        expect("exit status with %s" % closed, 0, rc)
        lines = list(events_of(out))
        expect("first and last line with %s" % closed, ("start", "summary"), (lines[0]["event"], lines[-1]["event"]))
        expect("execs with %s" % closed, 1, sum(e["event"] == "exec" for e in lines))


@test()
def too_few_descriptors_are_said():
    for n in (4, 8, 16, 24, 40):
        rc, out, err = run(["sh", "-c", 'ulimit -n %d; exec "$0" trace --json -- /bin/true' % n, PROCTRAIL])
        if rc == 0:
            expect("the last line with ulimit -n %d" % n, "summary",
                   parse_line(out.splitlines(True)[-1])["event"])
            continue
        expect_true("ulimit -n %d: exit status %d" % (n, rc), rc in (1, 3, 125), out[-300:], err[-300:])
        expect_true("ulimit -n %d: open files are not named" % n, b"open files" in err or b"nofile" in err.lower()
                    or b"ulimit -n" in err, err[-600:])


@test()
def a_file_size_limit_is_said_and_the_last_line_is_whole():
    out = os.path.join(temp_dir(), "out")
    rc, _, err = run(["sh", "-c", 'ulimit -f 64; exec "$0" trace --json -o "$@"', PROCTRAIL, out, "--",
                      *gen("storm", "--count", 2000)])
    expect("exit status: not SIGXFSZ", 125, rc)
    expect_true("the file and the cause are named", out.encode() in err and b"too large" in err, err[-300:])
    expect_true("something is written", len(list(events_of(out))) > 20)	# each line is whole


@test()
def with_cmd_our_own_failures_are_125():
    with Mismatches("exit statuses") as m:
        for args in (["-o", "/no/such/dir/x"], ["--json", "-o", "/dev/full"]):
            for sub in ("trace", "tree"):
                rc, _, err = run([PROCTRAIL, sub, *args, "--", "/bin/true"])
                m.same("%s %s -- CMD" % (sub, " ".join(args)), 125, rc)
                m.true("%s is not named:" % args[-1], args[-1].encode() in err, err)


@test()
def it_traces_with_two_capabilities_only():
    if os.geteuid() or not shutil.which("setpriv"):
        raise Skip("not root, or no setpriv")
    rc, out, err = run(["setpriv", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all", PROCTRAIL, "trace",
                        "--json", "--", "/bin/true"])
    expect_true("exit status %d with CAP_BPF and CAP_PERFMON only" % rc, rc == 0, err)
    expect("the last line", "summary", parse_line(out.splitlines(True)[-1])["event"])

# ---- what CMD inherits -------------------------------------------------------------------------


STATUS = """grep -E '^(Sig(Blk|Ign)|Cap|NoNewPrivs|Seccomp|Uid|Groups)' /proc/self/status
ls /proc/self/fd; ulimit -a; umask; cat /proc/self/oom_score_adj; nice"""


@test()
def cmd_inherits_what_it_would_without_us():
    _, plain, _ = run(["sh", "-c", STATUS])
    out = os.path.join(temp_dir(), "out")
    for sub in (["trace", "--json"], ["tree"]):
        rc, ours, _ = run([PROCTRAIL, *sub, "-o", out, "--", "sh", "-c", STATUS])
        expect("exit status", 0, rc)
        with Mismatches("CMD under %s" % sub[0]) as m:
            for a, b in zip(plain.decode().split("\n"), ours.decode().split("\n")):
                m.same("its line", a, b)
            m.same("lines", plain.count(b"\n"), ours.count(b"\n"))


@test()
def an_ignored_sigpipe_stays_ignored_for_cmd_only():
    script = 'trap "" PIPE INT; exec "$0" trace --json -o "$1" -- grep SigIgn /proc/self/status'
    _, plain, _ = run(["sh", "-c", 'trap "" PIPE INT; exec grep SigIgn /proc/self/status'])
    _, ours, _ = run(["sh", "-c", script, PROCTRAIL, os.path.join(temp_dir(), "out")])
    expect("SigIgn of CMD", plain, ours)

# ---- readers that stop -------------------------------------------------------------------------


def feed_storm(p, count):
    """Has the bash under proctrail run a storm, and waits for its last word on stderr."""
    p.stdin.write((" ".join(gen("storm", "--count", count)) + " >&2\n").encode())
    p.stdin.flush()
    said = b""
    while b'"do":"end"' not in said:
        expect_true("the storm did not end", select.select([p.stderr], [], [], 40)[0])
        got = os.read(p.stderr.fileno(), 65536)
        expect_true("it ended early", got)
        said += got


@test(seconds=90)
def a_reader_that_stops_for_3_s_loses_nothing_and_sigint_sums_up():
    rd, wr = os.pipe()
    p = start([PROCTRAIL, "trace", "--json", "--", "bash"], stdin=subprocess.PIPE, stdout=wr, stderr=subprocess.PIPE)
    os.close(wr)
    began = time.monotonic()
    feed_storm(p, 20000)
    while time.monotonic() - began < 3:  # the reader's pause, not a wait
        time.sleep(0.05)
    lines = read_until(p, rd, 20001)
    last = parse_line(lines[-1])
    expect("the last line", "summary", last["event"])
    expect("(lost, missed, complete)", (0, 0, not last["healed"]), (last["lost"], last["missed"], last["complete"]))
    expect("(forks told, forks known)", (20001, 20001), (count_forks(lines), last["forks"]))


def count_forks(lines):
    return sum(b'{"event":"fork"' in x[:20] for x in lines)


def read_until(p, rd, forks):
    """Reads its lines, interrupts it when so many forks have been told, and reads to the end."""
    lines, told, asked = [], 0, False
    with os.fdopen(rd, "rb") as f:
        for line in f:
            lines.append(line)
            told += line.startswith(b'{"event":"fork"')
            if told >= forks and not asked:
                p.send_signal(signal.SIGINT)
                asked = True
    expect("exit status after SIGINT, CMD lives on", 130, p.wait(5))
    return lines


@test(seconds=90)
def a_terminal_stopped_by_ctrl_s_loses_nothing():
    master, slave = pty.openpty()
    at_end(lambda: os.close(master))
    p = start([PROCTRAIL, "trace", "--", "bash"], stdin=subprocess.PIPE, stdout=slave, stderr=subprocess.PIPE,
              env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"})
    os.close(slave)
    attached(p)
    os.write(master, b"\x13")  # the line discipline stops the output
    began = time.monotonic()
    feed_storm(p, 5000)
    while time.monotonic() - began < 3:  # the stop, not a wait
        time.sleep(0.05)
    expect("proctrail ended while its terminal stood", None, p.poll())
    os.write(master, b"\x11")
    p.stdin.close()
    text = read_terminal(p, master)
    # a kernel that did not tell of every end has rows put right, which is said, and may wrap
    last = " ".join(text[-300:].split())
    expect_true("the last line: 5,002 processes and none lost",
                re.search(r"5,?002 processes,.* none lost(, [0-9,]+ rows? put right)?$", last), last)


def read_terminal(p, master):
    out, end = b"", time.monotonic() + 40
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            out += os.read(master, 65536)
        except OSError:
            p.wait(5)
            return out.decode().replace("\r\n", "\n")
    raise Failed("proctrail did not end", repr(out[-300:]))


def interrupted_at_once():
    """(exit status, output) of a trace whose terminal sends Ctrl-C as soon as CMD runs"""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(PROCTRAIL, [PROCTRAIL, "trace", "--", "sleep", "30"])
    at_end(lambda: os.close(master))
    out = b""
    while b"exec" not in out:
        expect_true("it did not start", select.select([master], [], [], 20)[0], out)
        out += os.read(master, 65536)
    os.write(master, b"\x03")
    status = until("it ends", lambda: os.waitpid(pid, os.WNOHANG)[1:] if gone(pid) else None, 5)[0]
    while select.select([master], [], [], 0)[0]:
        try:
            out += os.read(master, 65536)
        except OSError:
            break
    return os.waitstatus_to_exitcode(status), out.decode().split("\r\n")[-2]


@test()
def ctrl_c_ends_cmd_and_the_summary_counts_it_once():
    with Mismatches("Ctrl-C, again and again") as m:
        for _ in range(8):
            status, last = interrupted_at_once()
            m.same("exit status: of CMD, killed by SIGINT", 130, status)
            m.true("the summary tells of one process:", "1 process, 1 exec, " in last, last)


@test()
def head_ends_the_text_quietly_too():
    for sub in (["trace", "--events", "fork,exec,exit"], ["tree"]):
        rc, out, _ = run(["bash", "-c", '"$0" "$@" | head -1; echo ${PIPESTATUS[0]}', PROCTRAIL, *sub, "--",
                          "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; exit 0"])
        lines = out.decode().rstrip("\n").split("\n")
        expect("lines of %s" % sub[0], 2, len(lines))
        expect_true("status of %s: %s" % (sub[0], lines[-1]), lines[-1] in ("0", "141"), out)
