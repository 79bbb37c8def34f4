# SPDX-License-Identifier: GPL-2.0-only
"""Bad use and bad places: a clear message, the next step, the right exit status."""
import os
import shutil
import subprocess

from lib import (Mismatches, NOBODY, PROCTRAIL, Skip, expect, expect_true, run, temp_dir, test,
                 until)


def refused(what, code, words, cmd, **popen):
    rc, out, err = run(cmd, **popen)
    text = err.decode(errors="replace")
    with Mismatches(what) as m:
        m.same("exit status", code, rc)
        m.same("stdout", b"", out)
        for w in words:
            m.true("'%s' is not said:" % w, w in text, text[:600])
    return text


def public_copy():
    """Where nobody can run it: our build may lie below a closed directory."""
    d = temp_dir()
    os.chmod(d, 0o755)
    return shutil.copy(PROCTRAIL, d)


def as_nobody(*cmd):
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not installed")
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *cmd]


def needs_root():
    if os.geteuid():
        raise Skip("not root")


@test(tracing=False)
def without_privileges_tracing_is_refused_with_a_next_step():
    needs_root()
    p = public_copy()
    refused("trace as nobody", 3, ["CAP_BPF", "next:", "sudo"], as_nobody(p, "trace", "--duration", "1s"))
    refused("tree --duration as nobody", 3, ["next:"], as_nobody(p, "tree", "--duration", "1s"))
    rc, _, err = run(as_nobody(p, "trace", "--json", "--", "/bin/true"))
    expect("trace -- CMD as nobody", 3, rc)


@test(tracing=False)
def without_privileges_the_rest_answers():
    needs_root()
    p = public_copy()
    with Mismatches("as nobody") as m:
        for args, code in (([], 0), (["tree"], 0), (["version"], 0), (["help"], 0), (["doctor"], 3)):
            rc, out, err = run(as_nobody(p, *args), cwd="/")
            m.same("exit status of %r" % args, code, rc)
            m.true("%r says nothing" % args, out.strip(), err)
        first = run(as_nobody(p), cwd="/")[1].decode().split("\n")
        said = [line for line in first if "unknown" in line or "without" in line or "privilege" in line
                or "/proc" in line or "root" in line]
        m.true("what is unknown is not said", said, *first[:4])


@test()
def without_kernel_types_it_is_refused():
    script = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"'
    wrap = ["unshare", "-m", "sh", "-c", script, "sh", PROCTRAIL]
    refused("no BTF", 3, ["/sys/kernel/btf/vmlinux", "next:"], [*wrap, "trace", "--", "/bin/true"])
    rc, out, _ = run([*wrap, "doctor"])
    expect_true("doctor names BTF and exits 3", rc == 3 and b"BTF" in out or b"btf" in out, rc, out[:500])


@test()
def in_an_inner_pid_namespace_it_is_refused():
    wrap = ["unshare", "-p", "-f", "--mount-proc", PROCTRAIL]
    refused("inner pid namespace", 3, ["pid namespace", "--pid=host"], [*wrap, "trace", "--", "/bin/true"])
    expect("doctor's exit status", 3, run([*wrap, "doctor"])[0])


@test(tracing=False)
def wrong_words_are_named():
    for args, word in ((["trace", "--jsn"], "--jsn"), (["trace", "-Q"], "-Q"), (["trcae"], "trcae"),
                       (["trace", "--ring", "17x"], "17x"), (["trace", "--pid", "0"], "--pid"),
                       (["trace", "--duration", "soon"], "soon"), (["trace", "--events", "fork,frok"], "frok"),
                       (["trace", "--match", "("], "--match"), (["trace", "stray"], "stray"),
                       (["trace", "--"], "--"), (["tree", "--state", "Q"], "Q"), (["help", "nothing"], "nothing")):
        text = refused("proctrail %s" % " ".join(args), 2, [word], [PROCTRAIL, *args])
        expect_true("the whole help was printed for %r" % args, text.count("\n") <= 4, text)


@test(tracing=False)
def a_misspelt_option_is_corrected():
    text = refused("--duratoin", 2, ["--duration"], [PROCTRAIL, "trace", "--duratoin"])
    expect_true("did you mean", "did you mean" in text, text)


@test()
def cmds_exit_status_is_passed_through():
    plain = os.path.join(temp_dir(), "plain")
    with open(plain, "w") as f:
        f.write("no program\n")
    cases = [(["/bin/true"], 0), (["/bin/false"], 1), (["sh", "-c", "exit 77"], 77),
             (["sh", "-c", "kill -TERM $$"], 143), (["sh", "-c", "kill -KILL $$"], 137),
             (["/not/there"], 127), (["not-in-path-anywhere"], 127), ([plain], 126), (["/"], 126)]
    with Mismatches("exit statuses") as m:
        for cmd, code in cases:
            for sub in (["trace", "--json"], ["tree"]) if code in (143, 127) else (["trace"],):
                rc, out, err = run([PROCTRAIL, *sub, "--", *cmd])
                m.same("%s -- %s" % (" ".join(sub), " ".join(cmd)), code, rc)
                if code in (126, 127):
                    m.true("%s is not named:" % cmd[0], cmd[0].encode() in err, err)


@test()
def cmd_and_its_output_are_left_alone():
    rc, out, err = run([PROCTRAIL, "trace", "--json", "--", "sh", "-c", "echo out; echo err >&2; cat"],
                       stdin=open("/proc/version"))
    expect("CMD's stdout and stderr go to stderr",
           (0, True, True, True), (rc, b"out\n" in err, b"err\n" in err, b"Linux version" in err))
    expect_true("stdout is JSON only", all(x.startswith(b"{") for x in out.splitlines()), out[:200])
    o = os.path.join(temp_dir(), "o")
    rc, out, err = run([PROCTRAIL, "trace", "--json", "-o", o, "--", "sh", "-c", "echo out; echo err >&2"])
    expect("with -o both stay", (b"out\n", b"err\n"), (out, err))


@test()
def with_duration_cmd_is_left_running():
    d = temp_dir()
    fifo = os.path.join(d, "fifo")
    os.mkfifo(fifo)
    # CMD keeps what it was given: a pipe would not end
    rc, _, err = run([PROCTRAIL, "trace", "--json", "--duration", "300ms", "-o", os.path.join(d, "o"), "--",
                      "sh", "-c", 'read x <"$0"; echo $x >"$0.done"', fifo],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expect("exit status", 0, rc)
    with open(fifo, "w") as f:	# blocks till the deadline if nobody reads
        f.write("alive\n")
    until("CMD goes on", lambda: os.path.exists(fifo + ".done"))


@test()
def a_user_can_be_chosen_for_cmd():
    rc, _, err = run([PROCTRAIL, "trace", "--json", "--user", "nobody", "--", "id", "-u"], cwd="/")
    expect("(exit status, uid)", (0, True), (rc, str(NOBODY).encode() in err))
    refused("unknown user", 2, ["no-such-user"], [PROCTRAIL, "trace", "--user", "no-such-user", "--", "id"])


@test()
def what_is_not_there_is_named():
    refused("a cgroup", 1, ["/no/such/group"], [PROCTRAIL, "trace", "--cgroup", "/no/such/group"])
    refused("a target directory", 1, ["/no/such/dir/x"], [PROCTRAIL, "trace", "-o", "/no/such/dir/x", "--duration", "1s"])
    refused("a pid", 1, ["4194304"], [PROCTRAIL, "tree", "--pid", "4194304"])
