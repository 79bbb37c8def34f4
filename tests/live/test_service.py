# SPDX-License-Identifier: GPL-2.0-only
"""The service: its unit gives what the recorder needs, and no more; the group reads what it keeps."""
import ctypes.util
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys

import sandbox
from lib import (HERE, Mismatches, NOBODY, PROCTRAIL, Skip, at_end, expect, expect_true, run, start,
                 temp_dir, test, until)
from test_refusals import as_nobody, needs_root, public_copy

GROUP = 64999	# nobody's
TOP = os.path.join(HERE, "../..")


def make(*words):
    """As installed already: what is built is taken as it is, whatever flags it was built with."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    build = os.path.dirname(PROCTRAIL)
    rc, _, err = run(["make", "-s", "-C", TOP, "-o", "all", *words, "BUILD=" + build], env=env)
    expect_true("make %s" % words[0], rc == 0, err)


def files_below(top):
    return sorted(os.path.relpath(os.path.join(d, f), top) for d, _, names in os.walk(top) for f in names)


@test(tracing=False)
def what_is_installed_is_what_is_removed():
    d = temp_dir()
    where = ["DESTDIR=" + d, "PREFIX=/usr"]
    make("install", *where)
    expect("files", ["usr/bin/proctrail", "usr/lib/systemd/system/proctrail.service",
                     "usr/lib/sysusers.d/proctrail.conf",
                     "usr/share/bash-completion/completions/proctrail",
                     "usr/share/man/man8/proctrail.8"], files_below(d))
    unit = os.path.join(d, "usr/lib/systemd/system/proctrail.service")
    expect("what it starts", "/usr/bin/proctrail record", sandbox.setting("ExecStart", unit))
    expect_true("all is filled in", "@BINDIR@" not in open(unit).read())
    make("uninstall", *where)
    expect("what is left", [], files_below(d))


@test(tracing=False)
def directories_of_systemd_can_be_chosen():
    d = temp_dir()
    where = ["DESTDIR=" + d, "UNITDIR=/etc/systemd/system", "SYSUSERSDIR=/etc/sysusers.d"]
    make("install", *where)
    expect("files in etc", ["systemd/system/proctrail.service", "sysusers.d/proctrail.conf"],
           files_below(d + "/etc"))
    make("uninstall", *where)
    expect("what is left", [], files_below(d))


@test(tracing=False)
def systemd_has_nothing_to_say_against_the_unit():
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    d = temp_dir()
    make("install", "PREFIX=" + d)
    unit = d + "/lib/systemd/system/proctrail.service"
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    said = [line for line in p.stderr.splitlines() if "proctrail" in line]
    expect("verify", (0, []), (p.returncode, said))
    if shutil.which("systemd-sysusers"):
        os.mkdir(d + "/etc")
        p = subprocess.run(["systemd-sysusers", "--root=" + d, d + "/lib/sysusers.d/proctrail.conf"],
                           capture_output=True, text=True)
        expect_true("the group is made", "proctrail:" in open(d + "/etc/group").read(), p.stderr)


def as_service(state, *args, without=None):
    needs_root()
    for tool in ("setpriv", "unshare", "systemd-analyze"):
        if not shutil.which(tool):
            raise Skip("%s is not installed" % tool)
    if not ctypes.util.find_library("seccomp"):
        raise Skip("libseccomp is not installed")
    caps = ",".join(c for c in sandbox.capabilities() if c != without)
    return ["unshare", "-m", sys.executable, os.path.join(HERE, "sandbox.py"), sandbox.UNIT, state, str(GROUP),
            caps, "--", PROCTRAIL, "record", "-w", state, "--max-size", "16M", *args]


def state_directory():
    """As StateDirectory=, StateDirectoryMode= and Group= make it, where nobody may look"""
    top = temp_dir()
    os.chmod(top, 0o755)
    d = os.path.join(top, sandbox.setting("StateDirectory"))
    os.mkdir(d)
    os.chown(d, 0, GROUP)
    os.chmod(d, int(sandbox.setting("StateDirectoryMode"), 8))
    return d


def strangers():
    """A process of another user, waiting, which will bear two more when it is told to: (it, its tell-it)"""
    p = start(as_nobody("sh", "-c", "read x; /bin/true; exit 3"), stdin=subprocess.PIPE, cwd="/")
    until("it is the shell", lambda: os.readlink("/proc/%d/exe" % p.pid).endswith("sh"))
    return p


def recording_of(cmd, p):
    """Records p with cmd until p has ended; (exit status, what was said)"""
    recorder = start(cmd + ["--pid", str(p.pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    state = cmd[cmd.index("-w") + 1]

    def begun():
        return recorder.poll() is not None or any(
            f.endswith(".open") and os.path.getsize(os.path.join(state, f)) > 1000 for f in os.listdir(state))
    until("something is written", begun, seconds=20)
    p.communicate(b"\n", timeout=10)
    if recorder.poll() is None:
        recorder.send_signal(signal.SIGTERM)
    return recorder.wait(timeout=20), recorder.stderr.read().decode()


def facts_of(state, pid):
    lines = run([PROCTRAIL, "trace", "--json", "-r", state, "--events", "fact,exec,exit"])[1].splitlines()
    return [e for e in map(json.loads, lines) if e.get("pid") == pid]


@test(seconds=60)
def the_unit_gives_what_the_recorder_needs():
    plain, state, p = temp_dir(), state_directory(), strangers()
    code, said = recording_of(as_service(state), p)
    expect_true("it ends well", code == 0 and "cannot" not in said, code, said)
    recording_of([PROCTRAIL, "record", "-w", plain, "--max-size", "16M"], strangers())
    inside, outside = (json.loads(run([PROCTRAIL, "info", "--json", "-r", d])[1]) for d in (state, plain))
    events = facts_of(state, p.pid)
    with Mismatches("as a service") as m:
        for name in ("hooks", "exec", "exit", "lost", "damaged"):
            m.same(name, outside[name], inside[name])
        m.same("exit code", [3], [e.get("exit_code") for e in events if e["event"] == "exit"])
        m.same("where another user's process runs", ["/"], [e.get("cwd") for e in events if e["event"] == "fact"])
        for f in os.listdir(state):
            st = os.stat(os.path.join(state, f))
            m.same(f, ("-rw-r-----", 0, GROUP), (stat.filemode(st.st_mode), st.st_uid, st.st_gid))


@test(seconds=60)
def it_can_cut_a_snapshot():
    state, p = state_directory(), strangers()
    code, said = recording_of(as_service(state, "--trigger", "exit:sh=3", "--after", "0s"), p)
    expect_true("it ends well and says what it kept", code == 0 and "kept what" in said, code, said)
    where = os.path.join(state, "snapshots")
    names = os.listdir(where)
    expect("snapshots of", ["exit-sh"], [n[17:-6] for n in names])
    st = os.stat(os.path.join(where, names[0]))
    expect("mode and group", ("-rw-r-----", GROUP), (stat.filemode(st.st_mode), st.st_gid))
    events = facts_of(os.path.join(where, names[0]), p.pid)
    expect("exit code in it", [3], [e.get("exit_code") for e in events if e["event"] == "exit"])


@test(seconds=60)
def no_capability_can_be_spared():
    for cap, code in (("CAP_BPF", 3), ("CAP_PERFMON", 3)):
        got, said = recording_of(as_service(state_directory(), without=cap), strangers())
        expect("exit status without %s" % cap, code, got)
    state, p = state_directory(), strangers()
    recording_of(as_service(state, without="CAP_SYS_PTRACE"), p)
    expect("another user's directory without CAP_SYS_PTRACE", [None],
           [e.get("cwd") for e in facts_of(state, p.pid) if e["event"] == "fact"])


@test(seconds=60)
def only_the_group_reads_it():
    copy, state, p = public_copy(), state_directory(), strangers()
    recording_of(as_service(state), p)
    member = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--groups", str(GROUP)]
    rc, out, err = run([*member, copy, "info", "--json", "-r", state], cwd="/")
    expect_true("who is in the group", rc == 0 and json.loads(out)["exit"] >= 1, rc, out, err)
    rc, out, err = run(as_nobody(copy, "info", "-r", state), cwd="/")
    expect_true("who is not", rc == 1 and not out and b"Permission denied" in err, rc, out, err)


def locked_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmLck"].split()[0]), int(status["VmRSS"].split()[0])


@test(seconds=60)
def memory_is_locked_where_there_is_no_limit():
    try:
        old = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        at_end(lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, old))
    except (ValueError, OSError):
        raise Skip("the limit cannot be raised here")
    p = start([PROCTRAIL, "record", "-w", temp_dir(), "--max-size", "16M", "--pid", str(os.getpid())],
              stderr=subprocess.DEVNULL)
    until("something is locked", lambda: locked_kb(p.pid)[0] > 0)
    expect_true("resident: %d KiB, budget 26 MiB" % locked_kb(p.pid)[1], locked_kb(p.pid)[1] <= 26 << 10)
