# SPDX-License-Identifier: GPL-2.0-only
"""A real build under strace: both must say the same of every process."""
import ast
import os
import re
import shutil

from lib import (Mismatches, PROCTRAIL, Skip, Stream, expect, expect_true, raw_bytes, run, temp_dir,
                 test)

LINE = re.compile(r"^(\d+)\s+(.*)$")
FORK = re.compile(r"^(?:<\.\.\. )?(clone3?|v?fork)\b.*= (\d+)(?: \(.*\))?$")
STRING = r'"(?:[^"\\]|\\.)*"'
LIST = r"\[((?:%s(?:, )?)*)\]" % STRING
EXEC = re.compile(r"^execve\((%s), %s, %s *\) += 0$" % (STRING, LIST, LIST))
EXITED = re.compile(r"^\+\+\+ (?:exited with (\d+)|killed by (SIG\w+)( \(core dumped\))?) \+\+\+$")

MAKEFILE = """\
OBJS = %s
prog: main.o libparts.a version.h
\tcc -o $@ main.o -L. -lparts
libparts.a: $(OBJS)
\tar rcs $@ $(OBJS)
version.h: gen.sh
\tsh ./gen.sh "a b" '*' "q\\"uote" > $@
\t-./gen.sh-is-not-there
\t-false
\t-sh -c 'kill -TERM $$$$'
main.o: version.h
%%.o: %%.c
\tcc -c -o $@ $<
"""
GEN = """\
#!/bin/sh
v=$(echo 7 | sed s/7/8/)
( exit 3 ) || :
/bin/true & wait
echo "#define VERSION $v"
"""


def make_project(d):
    parts = ["part%d" % i for i in range(9)]
    for p in parts:
        with open(os.path.join(d, p + ".c"), "w") as f:
            f.write("int %s(void) { return %d; }\n" % (p, len(p)))
    with open(os.path.join(d, "main.c"), "w") as f:
        f.write('#include "version.h"\nint part0(void);\nint main(void) { return part0() - 5 + 0 * VERSION; }\n')
    with open(os.path.join(d, "gen.sh"), "w") as f:
        f.write(GEN)
    with open(os.path.join(d, "Makefile"), "w") as f:
        f.write(MAKEFILE % " ".join(p + ".o" for p in parts))


def unquote(s):
    """strace's C strings are Python's, but for octal escapes, which are Python's too."""
    return ast.literal_eval("b" + s)


def strings(s):
    return [unquote(x) for x in re.findall(STRING, s)]


def read_strace(path):
    """({pid: parent}, {pid: [(path, args)]}, {pid: (code, signal name, core)})"""
    parents, images, fates, pending = {}, {}, {}, {}
    with open(path, encoding="latin-1") as f:
        for line in f:
            pid, text = LINE.match(line.rstrip("\n")).groups()
            pid = int(pid)
            if text.endswith("<unfinished ...>"):
                pending[pid] = text[:-len("<unfinished ...>")]
                continue
            resumed = re.match(r"^<\.\.\. (\w+) resumed>(.*)$", text)
            if resumed:
                text = pending.pop(pid, resumed.group(1)) + resumed.group(2)
            fork, image, exited = FORK.match(text), EXEC.match(text), EXITED.match(text)
            if fork and "CLONE_THREAD" not in text:
                parents[int(fork.group(2))] = pid
            elif image:
                images.setdefault(pid, []).append((unquote(image.group(1)), strings(image.group(2))))
            elif exited:
                code, sig, core = exited.groups()
                fates[pid] = (int(code) if code else None, sig, bool(core) if sig else None)
    return parents, images, fates


def ours(life):
    images = [(raw_bytes(e, "exe"), raw_bytes(e, "args")) for e in life.exec]
    exit = life.first("exit")
    return images, (exit.get("exit_code"), exit.get("signal_name"), exit.get("core_dumped"))


@test(seconds=90)
def a_build_under_strace_is_told_the_same_by_both():
    for tool in ("strace", "make", "cc", "ar"):
        if not shutil.which(tool):
            raise Skip("%s is not installed" % tool)
    d = temp_dir()
    make_project(d)
    st, out = os.path.join(d, "ST"), os.path.join(d, "out")
    rc, _, err = run([PROCTRAIL, "trace", "--json", "--args-max", "65536", "-o", out, "--", "strace", "-f",
                      "-s", "100000", "-v", "-e", "abbrev=none", "-o", st, "-e", "trace=process",
                      "make", "-j2", "-C", d], 80, env=dict(os.environ, LC_ALL="C"))
    expect("exit status of the build", 0, rc)
    compare(Stream(out), *read_strace(st))


def compare(t, parents, images, fates):
    t.expect_complete()
    expect_true("strace saw a build", len(fates) > 40, len(fates), len(images))
    with Mismatches("%d processes of the build" % len(fates)) as m:
        root = next(pid for pid in fates if pid not in parents)
        for pid, fate in fates.items():
            lives = t.all_of_pid(pid)
            if not m.same("lives of %d" % pid, 1, len(lives)):
                continue
            got_images, got_fate = ours(lives[0])
            m.same("%d images" % pid, images.get(pid, []), got_images)
            m.same("%d fate" % pid, fate, got_fate)
            if pid != root:
                m.same("%d parent" % pid, parents[pid], lives[0].first("fork").get("ppid"))
        unknown = [p for p in t._by_pid if p not in fates]
        m.true("only strace and what it tried are not in ST", len(unknown) <= 4, unknown)
