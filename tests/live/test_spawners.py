# SPDX-License-Identifier: GPL-2.0-only
"""Who starts programs in earnest, and how: shells, make, runtimes. strace says of the same program which primitive
it really uses, which no manual does; whose parent, which images, and how many must be the same."""
import collections
import json
import os
import re
import shutil
import sys

from lib import PROCTRAIL, Skip, expect, expect_true, run, temp_dir, test, trace

PYTHON = os.path.realpath(sys.executable)
CALLS = "fork,vfork,clone,clone3,execve,execveat"

# ---- what strace says --------------------------------------------------------------------------

BIRTH = re.compile(r"^(clone3?|v?fork)\(")
IMAGE = re.compile(r'^execve\("([^"]*)"')


def class_of(call):
    """As proctrail names it: by bits and by whose stack."""
    if call.startswith("vfork"):
        return "vfork"
    if "CLONE_VM" not in call:
        return "fork"
    if "CLONE_VFORK" not in call:
        return "clone"
    own_stack = re.search(r"\bstack=0x|child_stack=0x", call)
    return "posix_spawn" if own_stack else "vfork"


def calls_of(path):
    """(tid, call with its result), in the order in which they began; what never returned has none"""
    calls, pending = [], {}
    with open(path, encoding="latin-1") as f:
        for line in f:
            tid, _, text = line.rstrip("\n").partition(" ")
            text = text.lstrip()
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)$", text)
            if resumed and tid in pending:
                at, begun = pending.pop(tid)
                calls[at] = (int(tid), begun + resumed.group(1))
            elif text.endswith("<unfinished ...>"):
                begun = text[:-len("<unfinished ...>")]
                pending[tid] = len(calls), begun
                calls.append((int(tid), begun))
            else:
                calls.append((int(tid), text))
    return calls


def result_of(call):
    m = re.search(r"= (\d+)(?: \(.*\))?$", call)
    return int(m.group(1)) if m else None


def strace_of(cmd):
    """Of each process below CMD's: (primitive, the parent's program then, its own, one after the other)"""
    out = os.path.join(temp_dir(), "strace")
    code, _, err = run(["strace", "-f", "-qq", "-s", "200", "-e", "trace=" + CALLS, "-e", "signal=none", "-o", out, *cmd],
                       seconds=60)
    expect("exit code under strace: %s" % err[-200:], 0, code)
    leader, births, images = {}, [], collections.defaultdict(list)
    calls = calls_of(out)
    for tid, call in calls:
        if "CLONE_THREAD" in call and result_of(call):
            leader[result_of(call)] = tid
    for at, (tid, call) in enumerate(calls):
        while tid in leader:
            tid = leader[tid]
        if BIRTH.match(call) and "CLONE_THREAD" not in call and result_of(call):
            births.append((result_of(call), class_of(call), tid, at))
        elif IMAGE.match(call) and result_of(call) == 0:
            images[tid].append((at, IMAGE.match(call).group(1)))
    return collections.Counter((how, program_at(images, births, parent, at), tuple(path for _, path in images[pid]))
                               for pid, how, parent, at in births)


def program_at(images, births, pid, at):
    """The file's name of what a process ran at that line; until its first exec its parent's."""
    past = [path for line, path in images[pid] if line < at]
    if past:
        return os.path.basename(past[-1])
    born = next((b for b in births if b[0] == pid), None)
    return program_at(images, births, born[2], born[3]) if born else None

# ---- what proctrail says -----------------------------------------------------------------------


def program_of(t, life, boot_ns):
    past = [e["exe"] for e in life.exec if e["boot_ns"] < boot_ns]
    if past:
        return os.path.basename(past[-1])
    fork = life.first("fork")
    return program_of(t, t.lives[fork["parent_id"]], fork["boot_ns"]) if fork.get("parent_id") in t.lives else None


def proctrail_of(cmd):
    """The same, and its spawns from the trail: (primitive, program)"""
    trail = os.path.join(temp_dir(), "t.trail")
    t = trace(cmd, "-w", trail, seconds=50)
    expect("loss", (0, 0), (t.summary["lost"], t.summary["missed"]))
    seen = collections.Counter()
    for life in t.lives.values():
        fork = life.first("fork")
        if not fork or fork["parent_id"] not in t.lives or "tid" in fork:
            continue
        seen[fork["how"], program_of(t, t.lives[fork["parent_id"]], fork["boot_ns"]),
             tuple(e["exe"] for e in life.exec)] += 1
    out = run([PROCTRAIL, "spawns", "--json", "--slowest", "10000", "-r", trail])[1]
    spawns = [x for x in map(json.loads, out.splitlines()) if x["event"] == "spawn"]
    for x in spawns:
        expect("queued + blocked + running", x["total_ns"], x["queued_ns"] + x["blocked_ns"] + x["running_ns"])
    return seen, collections.Counter((x["how"], x["exe"]) for x in spawns)


def have(*words):
    for w in ("strace",) + words:
        if not shutil.which(w):
            raise Skip("%s is not installed" % w)


def same(cmd, want_hows, least):
    """want_hows: what is known of it whatever the version; at least so many processes"""
    want = strace_of(cmd)
    got, spawns = proctrail_of(cmd)
    expect("(primitive, parent, programs) of each", want, got)
    expect_true("so many at least", sum(got.values()) >= least, got)
    hows = {how for how, _, _ in got}
    expect_true("primitives", want_hows <= hows, want_hows, got)
    # a spawn ends with the first of its images: what that one starts in its place is a chain, no spawn
    firsts = collections.Counter()
    for (how, _, programs), n in want.items():
        if programs:
            firsts[how, programs[0]] += n
    expect("spawns of its trail", firsts, spawns)
    return got

# ---- shells, make, perl ------------------------------------------------------------------------


SHELL = "/bin/true; /bin/true | /bin/cat; x=$(/bin/echo a); (/bin/true; :); /bin/true & wait"


@test(seconds=60)
def dash_vforks_commands_and_forks_subshells():
    have("dash")
    same(["dash", "-c", SHELL], {"fork"}, 7)


@test(seconds=60)
def bash_forks_everything():
    have("bash")
    got = same(["bash", "--norc", "-c", SHELL + "; :"], {"fork"}, 7)
    expect("primitives", {"fork"}, {how for how, _, _ in got})


@test(seconds=60)
def make_with_four_jobs_and_the_shells_below_it():
    have("make")
    d = temp_dir()
    with open(os.path.join(d, "Makefile"), "w") as f:
        f.write("all: a b c d e f\na b c d e f:\n\t@/bin/true; :\n")
    same(["make", "-s", "-j4", "-C", d], set(), 12)


@test(seconds=60)
def perl_forks_for_system_and_for_backticks():
    have("perl")
    same(["perl", "-e", 'system("/bin/true"); system("/bin/true; :"); `/bin/true`;'], {"fork"}, 4)

# ---- Python, each backend ----------------------------------------------------------------------


def python(script, hows, least=1):
    have()
    return same([PYTHON, "-S", "-c", "import os, subprocess\n" + script], hows, least)


@test(seconds=60)
def python_vforks():
    """posix_spawn() only without close_fds, so it is seldom what subprocess does."""
    if sys.version_info < (3, 10):
        raise Skip("subprocess uses vfork() since 3.10")
    python('subprocess.run(["/bin/true"])', {"vfork"})


@test(seconds=60)
def python_posix_spawns_when_no_descriptor_is_to_be_closed():
    python('subprocess.run(["/bin/true"], close_fds=False)', {"posix_spawn"})
    python('p = os.posix_spawn("/bin/true", ["true"], {}); os.waitpid(p, 0)', {"posix_spawn"})


@test(seconds=60)
def python_forks_where_it_is_told_to():
    python('subprocess.run(["/bin/true"], preexec_fn=lambda: None)', {"fork"})
    python('subprocess._USE_VFORK = False\nsubprocess.run(["/bin/true"])', {"fork"})


@test(seconds=60)
def python_workers_never_exec():
    got = python('for i in range(5):\n    if not os.fork(): os._exit(0)\n    os.wait()', {"fork"}, 5)
    expect("images", {()}, {programs for _, _, programs in got})

# ---- runtimes with threads ---------------------------------------------------------------------


@test(seconds=100)
def node_spawn_exec_and_fork():
    """fork() of child_process is a spawn of another node."""
    have("node")
    js = os.path.join(temp_dir(), "child.js")
    with open(js, "w") as f:
        f.write("")
    same(["node", "-e", 'const c = require("child_process"); c.spawnSync("/bin/true");'
                        'c.execSync("/bin/true; :"); c.fork(%s); c.spawn("/bin/true");' % json.dumps(js)], set(), 5)


@test(seconds=120)
def java_spawns_a_helper_that_becomes_the_program():
    """ProcessBuilder: posix_spawn of jspawnhelper, which execs the program. The spawn ends with the helper's image:
    what it was, birth to exec, is over then, and the second exec shows in 'execs'."""
    have("java")
    source = os.path.join(temp_dir(), "P.java")
    with open(source, "w") as f:
        f.write('public class P { public static void main(String[] a) throws Exception { for (int i = 0; i < 3; i++)'
                ' new ProcessBuilder("/bin/true").start().waitFor(); } }\n')
    got = same(["java", source], set(), 3)
    chains = [programs for how, _, programs in got.elements() if how == "posix_spawn"]
    expect_true("two images each", all(len(p) == 2 and p[0].endswith("jspawnhelper") and p[1] == "/bin/true"
                                       for p in chains), got)


GO = """package main
import "os/exec"
func main() { for i := 0; i < 4; i++ { if exec.Command("/bin/true").Run() != nil { panic("true") } } }
"""


@test(seconds=200)
def go_vforks_from_whichever_thread():
    have("go")
    d = temp_dir()
    with open(os.path.join(d, "main.go"), "w") as f:
        f.write(GO)
    env = dict(os.environ, GOCACHE=os.path.join(d, "cache"), GOFLAGS="-mod=mod", GO111MODULE="off")
    code, _, err = run(["go", "build", "-o", os.path.join(d, "spawner"), os.path.join(d, "main.go")], seconds=150, env=env)
    if code:
        raise Skip("go cannot build: %s" % err.decode()[-200:])
    same([os.path.join(d, "spawner")], set(), 4)


MUSL = """#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(void)
{
	char *a[] = {"true", 0};
	pid_t p;

	if (posix_spawn(&p, "/bin/true", 0, 0, a, environ) || waitpid(p, 0, 0) != p || system("/bin/true; :"))
		return 1;
	pclose(popen("/bin/true; :", "r"));
	if (!(p = fork()))
		_exit(execv("/bin/true", a));
	waitpid(p, 0, 0);
	if (!(p = vfork()))
		_exit(execv("/bin/true", a));
	return waitpid(p, 0, 0) != p;
}
"""


@test(seconds=60)
def a_musl_program_by_every_call_it_has():
    have("musl-gcc")
    d = temp_dir()
    with open(os.path.join(d, "m.c"), "w") as f:
        f.write(MUSL)
    code, _, err = run(["musl-gcc", "-static", "-o", os.path.join(d, "m"), os.path.join(d, "m.c")])
    expect("musl-gcc: %s" % err[-200:], 0, code)
    same([os.path.join(d, "m")], {"fork", "vfork", "posix_spawn"}, 7)
