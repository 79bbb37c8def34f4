# SPDX-License-Identifier: GPL-2.0-only
"""Why a process does not go on: each way has its own answer, in time, from the machine and from a trail."""
import json
import os
import shutil
import subprocess
import time

from lib import (LOAD, Mismatches, PROCTRAIL, Skip, at_end, expect, expect_true, gen, parse_line, proc_stat, run,
                 start, temp_dir, test, until)
from test_frozen import freezer, write

ANSWER_S = 2


class Stuck:
    """A process that does not go on, in a way that is known."""

    def __init__(self, how, *wrapper, dir=None):
        self.dir = dir or temp_dir()
        self.proc = start([*wrapper, *gen("stuck", "--how", how, "--dir", self.dir)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
        line = self.proc.stdout.readline()
        expect_true("the generator is not there", line.startswith(b'{"do"'), line)
        self.truth = json.loads(line)
        self.pid, self.tid, self.on = (self.truth[k] for k in ("pid", "tid", "on"))
        at_end(self.end)

    def end(self):
        if self.proc.poll() is None:
            self.proc.stdin.close()
            self.proc.wait(10)


def why(*words, wrapper=(), code=0):
    """The one record of an answer."""
    began = time.monotonic()
    rc, out, err = run([*wrapper, PROCTRAIL, "why", "--json", *map(str, words)])
    took = time.monotonic() - began
    expect("exit status of why %s: %s" % (words, err), code, rc)
    expect_true("it took %.1f s" % took, took < ANSWER_S)
    return [o for o in map(parse_line, out.splitlines(keepends=True)) if o["event"] == "why"]


def text(*words, wrapper=()):
    rc, out, err = run([*wrapper, PROCTRAIL, "why", *map(str, words)])
    expect("exit status of why %s: %s" % (words, err), 0, rc)
    lines = out.decode().splitlines()
    expect_true("a line is too long", max(map(len, lines)) <= 80, *lines)
    return " ".join(x.strip() for x in lines)


def in_mounts_of_its_own():
    """How to run what mounts: nothing of it is left behind."""
    for need in ("unshare", "nsenter"):
        if not shutil.which(need):
            raise Skip("no %s" % need)
    if not os.path.exists("/dev/fuse"):
        raise Skip("no /dev/fuse")
    return ["unshare", "-m", "--propagation", "private"]


@test(seconds=60)
def each_way_to_wait_has_its_own_answer():
    ways = [("sleep", "waits", "waits for a signal in"), ("busy", "runs", "runs: nothing holds it"),
            ("stop", "stopped", "is STOPPED by a signal"), ("trace", "traced", "is STOPPED by its tracer stuck["),
            ("vfork", "vfork", "waits for its vfork child stuck["),
            ("block", "term_blocked", "DOES NOT HEAR SIGTERM"), ("wait", "waits_child", "waits for its child stuck["),
            ("pipe", "waits_pipe", "whose other end stuck["), ("lock", "waits_lock", "holds"),
            ("listen", "waits_socket", "waits on a socket")]
    told = set()
    with Mismatches("answers") as m:
        for how, verdict, words in ways:
            s = Stuck(how)
            answer, page = why(s.pid)[0], text(s.pid)
            told.add(answer["verdict"])
            m.same(how, verdict, answer["verdict"])
            m.true("%s as text" % how, words in page, page)
            if s.on and how != "listen":
                m.same("%s: whom it waits for" % how, s.on, answer.get("on_pid"))
            if how in ("vfork", "wait", "pipe", "lock"):
                m.same("%s: the end of the chain" % how, (s.on, "waits"),
                       (answer.get("leaf_pid"), answer.get("leaf_verdict")))
            s.end()
    expect("different answers", len(ways), len(told))


@test()
def a_vfork_parent_shows_d_and_dies_at_once():
    s = Stuck("vfork")
    expect("state", "D", proc_stat(s.pid)[0])
    page = text(s.pid)
    expect_true("it is said to be stuck", "is not stuck" in page, page)
    os.kill(s.pid, 9)
    until("it is dead", lambda: proc_stat(s.pid)[0] == "Z")


@test()
def what_sigterm_would_do_is_told():
    for how, field in (("ignore", "term_ignored"), ("handle", "term_caught"), ("init", "pidns_init")):
        s = Stuck(how)
        answer = why(s.pid)[0]
        expect("%s %s" % (how, field), True, answer[field])
        s.end()


@test(seconds=60)
def the_stuck_thread_is_not_the_leader_and_is_found():
    s = Stuck("fuse", *in_mounts_of_its_own())
    expect_true("the leader is stuck itself", s.tid != s.pid)
    until("its other thread is dead", lambda: proc_stat(s.pid)[0] == "Z")
    answer = why(s.pid)[0]
    with Mismatches("why") as m:
        m.same("verdict", "cannot_die", answer["verdict"])
        m.same("thread", (s.tid, "D", "read"),
               tuple(answer.get(k) for k in ("thread_tid", "thread_state", "syscall")))
        m.same("file", (os.path.join(s.dir, "data"), s.dir, "fuse", "stuck-server"),
               tuple(answer.get(k) for k in ("path", "mount", "fs", "device")))
        m.true("how long:", 0 < answer.get("thread_still_ns", 0) < 60e9, answer)
        m.same("a SIGKILL is pending", True, answer["kill_pending"])
    page = text(s.pid)
    expect_true("the text", "CANNOT DIE YET" in page and "Another kill -9 changes nothing" in page, page)
    expect_true("--stuck does not tell it", s.pid in [o["pid"] for o in why("--stuck")])
    page = text("--stuck")
    expect_true("--stuck as text", "stuck[%d] CANNOT DIE YET" % s.pid in page, page)
    other = start(["nsenter", "-m", "-t", str(s.proc.pid), "cat", os.path.join(s.dir, "data")],
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("it reads", lambda: why(other.pid)[0].get("fs") == "fuse")
    other.kill()
    until("it is in D", lambda: proc_stat(other.pid)[0] == "D")
    expect("others on the same mount", 1, why(s.pid)[0].get("others"))
    page = text(s.pid)
    expect_true("the other is not named", "cat[%d]" % other.pid in page, page)
    s.end()
    until("it is dead", lambda: proc_stat(s.pid) is None)


@test(seconds=60)
def a_frozen_process_is_told_as_that():
    top, name, freeze, thaw = freezer()
    d = os.path.join(top, "proctrail-live-why-%d" % os.getpid())
    try:
        os.mkdir(d)
    except OSError as e:
        raise Skip("no cgroup can be made: %s" % e)
    s = Stuck("sleep")
    state = os.path.join(d, name)

    def clean():
        write(state, thaw)
        s.end()
        until("the cgroup is empty", lambda: not open(os.path.join(d, "cgroup.procs")).read())
        os.rmdir(d)
    at_end(clean)
    write(os.path.join(d, "cgroup.procs"), str(s.pid))
    write(state, freeze)
    until("it is frozen", lambda: proc_stat(s.pid)[0] == "D" or name == "cgroup.freeze")
    os.kill(s.pid, 15)
    answer, page = why(s.pid)[0], text(s.pid)
    expect("verdict", ("frozen", True), (answer["verdict"], answer["term_pending"]))
    expect_true("no way out is told", "thaw it" in page and os.path.basename(d) in page, page)


@test(seconds=60)
def a_core_that_is_being_written_is_told():
    with open("/proc/sys/kernel/core_pattern") as f:
        if "/" in f.read() or not os.path.exists(os.path.join(LOAD, "fuse_stall")):
            raise Skip("a core does not go to the working directory here")
    d = temp_dir()
    fuse = start([os.path.join(LOAD, "fuse_stall"), d], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if fuse.stdout.readline() != b"ready\n":
        raise Skip("no file system of ours can be mounted")

    def clean():
        fuse.stdin.close()
        fuse.wait(10)
    at_end(clean)
    fuse.stdin.write(b"stop\n")
    fuse.stdin.flush()
    expect("the disk stops", b"stopped\n", fuse.stdout.readline())
    s = Stuck("core", dir=d)
    until("it dumps its core", lambda: "CoreDumping:\t1" in open("/proc/%d/status" % s.pid).read())
    answer, page = why(s.pid)[0], text(s.pid)
    fuse.stdin.write(b"go\n")
    fuse.stdin.flush()
    expect("verdict", "dumps_core", answer["verdict"])
    expect_true("the text", "STILL DUMPING ITS CORE" in page, page)
    s.end()


@test()
def who_listens_on_a_port_is_found():
    s = Stuck("listen")
    expect("who listens on %d" % s.on, s.pid, why(":%d" % s.on)[0]["pid"])
    s.end()
    expect("nobody listens any more", [], why(":%d" % s.on, code=1))


@test(seconds=60)
def a_proc_that_hangs_does_not_hang_us():
    s = Stuck("proc", *in_mounts_of_its_own())
    inside = ["nsenter", "-m", "-t", str(s.proc.pid)]
    answer = why("--proc", s.dir, s.pid, wrapper=inside)[0]
    expect("about the one that hangs", (True, "unknown"), (answer["hung"], answer["verdict"]))
    expect("about another", s.proc.pid, why("--proc", s.dir, s.proc.pid, wrapper=inside)[0]["pid"])
    why("--proc", s.dir, "--stuck", wrapper=inside)
    why("--proc", s.dir, ":1", wrapper=inside, code=1)
    expect_true("the text", "/proc did not answer" in text("--proc", s.dir, s.pid, wrapper=inside))


# Three programs: one that is killed, one that ends by itself, one that outlives the recording unmoved.
STORY = """
sleep 60 & victim=$!
until [ "$(cat /proc/$victim/comm)" = sleep ]; do :; done
kill -TERM $victim; wait $victim
sh -c 'exit 3' & wait $!
echo $victim
"""


@test(seconds=60)
def the_dead_are_told_from_a_trail():
    trail = os.path.join(temp_dir(), "t.trail")
    rc, out, err = run([PROCTRAIL, "trace", "-o", "/dev/null", "-w", trail, "--", "bash", "-c",
                        "exec 2>&1; (%s) > %s.out" % (STORY, trail)])
    expect("exit status: %s" % err, 0, rc)
    with open(trail + ".out") as f:
        pid = int(f.read())
    answer = why("-r", trail, pid)[0]
    with Mismatches("why -r") as m:
        m.same("fate", ("dead", "signal", 15), tuple(answer.get(k) for k in ("verdict", "cause", "signal")))
        m.same("comm, and who killed it", ("sleep", "bash"), (answer.get("comm"), answer.get("killer_comm")))
        m.same("born of bash", "bash", answer.get("born_of_comm"))
        if "reaper_pid" in answer:  # not every kernel tells
            m.same("reaped by bash", "bash", answer.get("reaper_comm"))
        m.true("the parts of its life:", {"lived_ns", "zombie_ns", "spawn_ns", "how", "args"} <= set(answer), answer)
    expect("by its name", pid, why("-r", trail, "sleep")[0]["pid"])
    expect("by its id", pid, why("-r", trail, answer["id"])[0]["pid"])
    now = "%d@%s" % (pid, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    expect("by its pid at a time", [], why("-r", trail, now, code=1))
    page = text("-r", trail, pid)
    for words in ("DIED", "SIGTERM by bash[", "born", ", then reaped"):
        expect_true("no '%s' in the text" % words, words in page, page)
    expect("a name that nobody has", [], why("-r", trail, "nobody-is-called-so", code=1))


class Recorder:
    """A recorder of the whole machine whose directory nobody else sees."""

    def __init__(self):
        self.home = start([*in_mounts_of_its_own(), "sh", "-c", "mount -t tmpfs none /var/lib && echo && cat"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expect("its place is there", b"\n", self.home.stdout.readline())
        self.inside = ["nsenter", "-m", "-t", str(self.home.pid)]
        self.proc = start([*self.inside, PROCTRAIL, "record"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        d = "/proc/%d/root/var/lib/proctrail" % self.home.pid
        until("it records", lambda: os.path.isdir(d) and os.listdir(d))

    def knows(self, pid, word):
        """Asks until what was recorded has come to the disk, a second late."""
        return until("%s is told of %d" % (word, pid),
                     lambda: [a for a in why(pid, wrapper=self.inside) if word in (a.get("asked_fate"), a["verdict"])],
                     15)[0]


@test(seconds=90)
def what_became_of_a_sigterm_is_told_from_the_recorder():
    r = Recorder()
    for how, verdict in (("ignore", "term_ignored"), ("handle", "term_handled"), ("init", "term_dropped")):
        s = Stuck(how)
        answer = r.knows(s.pid, verdict)
        expect("born of whom", (s.proc.pid, "stuck", "fork" if how != "init" else answer.get("how")),
               (answer.get("born_of_pid"), answer.get("born_of_comm"), answer.get("how")))
        page = text(s.pid, wrapper=r.inside)
        expect_true("who sent it is not told", "SIGTERM by stuck[%d]" % s.proc.pid in page, page)
        s.end()
    answer = r.knows(s.pid, "dead")
    expect("the killer", (9, s.proc.pid), (answer.get("signal"), answer.get("killer_pid")))
    why("nobody-is-called-so", wrapper=r.inside, code=1)
    r.proc.terminate()
    expect("the recorder ends", 0, r.proc.wait(10))


@test(seconds=60)
def a_sigterm_that_the_kernel_dropped_is_named():
    trail = os.path.join(temp_dir(), "t.trail")
    rc, out, err = run([PROCTRAIL, "trace", "-o", "/dev/null", "-w", trail, "--", "sh", "-c",
                        "sleep 1 | %s > %s.out" % (" ".join(gen("stuck", "--how", "init")), trail)])
    expect("exit status: %s" % err, 0, rc)
    with open(trail + ".out") as f:
        pid = json.loads(f.read())["pid"]
    page = text("-r", trail, pid)
    expect_true("the text", "SIGTERM" in page and "which the kernel dropped: pid 1 has no handler" in page, page)
