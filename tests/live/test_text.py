# SPDX-License-Identifier: GPL-2.0-only
"""Text fits 80 and 60 columns, on a terminal and by COLUMNS."""
import os
import re
import unicodedata

from lib import PROCTRAIL, Mismatches, expect, expect_true, gen, on_terminal, run, temp_dir, test

SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80)
LONG = "a-name-so-long-that-it-needs-cutting-" * 3
EVENTS = "fork,exec,exit,zombie,reap,adopt,signal,stop,cont,rename,oom,lost,heal,fact"


def width(line):
    return sum(0 if unicodedata.combining(c) or unicodedata.category(c) in ("Me", "Mn", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def quiet(*cmd):
    """cmd, whose own output and status do not mix with ours"""
    return ["sh", "-c", '"$@" >/dev/null 2>&1; exit 0', "sh", *cmd]


def workloads():
    d = os.path.join(temp_dir(), LONG[:60], LONG[:70], LONG[:90])
    os.makedirs(d)
    deep = os.path.join(d, "a-program-with-a-long-name")
    os.symlink("/bin/sh", deep)
    long_path = [deep, "-c", "for i in 1 2 3; do /bin/true %s; done; exit 3" % LONG, *[LONG] * 3]
    nested = ["sh", "-c", '[ $0 -le 0 ] || sh -c "$1" $(($0 - 1)) "$1"; :', "40"]
    nested.append(nested[2])
    return {"long path": long_path, "deep tree": nested, "adoptions": gen("reparent"),
            "zombies": gen("zombies", "--children", 20, "--live-ms", 200), "signals": gen("signals"),
            "merged": gen("spawn", "--how", "mixed", "--count", 40), "pid namespace": gen("pidns", "--orphans"),
            "threads": gen("threads", "--how", "exec"), "hostile": gen("hostile"),
            "deaths": gen("exitcodes", "--count", 40)}


def too_wide(m, where, text, columns):
    for line in SGR.sub("", text).replace("\r\n", "\n").split("\n"):
        m.true(where, width(line) <= columns, "is %d columns wide: %r" % (width(line), line))


def piped(args, columns):
    # invalid bytes count as one column each: nothing may hide in them
    rc, out, err = run([PROCTRAIL, *args], env={**os.environ, "COLUMNS": str(columns), "LC_ALL": "C.UTF-8"})
    return rc, out.decode(errors="replace"), err.decode(errors="replace")


def fits_piped(m, name, args, columns):
    where = "%s, COLUMNS=%d" % (name, columns)
    rc, out, err = piped(args, columns)
    m.true(where + " says nothing:", out.strip(), err[-200:])
    m.same(where + " exit status", 0, rc)
    too_wide(m, where, out, columns)


def fits_terminal(m, name, args, columns):
    where = "%s, terminal of %d" % (name, columns)
    rc, out = on_terminal([PROCTRAIL, *args], columns=columns)
    m.same(where + " exit status", 0, rc)
    too_wide(m, where, out.decode(errors="replace"), columns)


def each_way(m, name, args):
    for columns in WIDTHS:
        fits_piped(m, name, args, columns)
        fits_terminal(m, name, args, columns)


def both_widths(m, name, args):
    """Where starting is slow: the narrow width once, the usual one once"""
    fits_piped(m, name, args, 60)
    fits_terminal(m, name, args, 80)


@test(seconds=120)
def trace_fits():
    with Mismatches("lines of trace") as m:
        for name, cmd in workloads().items():
            both_widths(m, "trace of " + name, ["trace", "--threads", "--signals=all", "--events", EVENTS, "--",
                                                *quiet(*cmd)])
        each_way(m, "trace", ["trace", "--", *quiet(*workloads()["long path"])])


@test(seconds=120)
def tree_fits():
    with Mismatches("lines of tree") as m:
        for name, cmd in workloads().items():
            both_widths(m, "tree of " + name, ["tree", "--", *quiet(*cmd)])
        for args in ([], ["-k"], ["--duration", "200ms"]):
            each_way(m, "tree %s" % args, ["tree", *args, "--pid", str(os.getpid())])


@test(tracing=False)
def columns_that_make_no_sense_are_80():
    with Mismatches("COLUMNS") as m:
        for columns in ("0", "-5", "wide", "", "99999999999999999999", "80x"):
            rc, out, _ = piped(["doctor"], columns)
            too_wide(m, "COLUMNS=%s" % columns, out, 80)
            m.true("COLUMNS=%s: its widest line" % columns, max(map(width, out.split("\n"))) > 60)


@test(tracing=False)
def help_fits():
    with Mismatches("lines of help") as m:
        for args in (["help"], ["--help"], ["version"], *[["help", c] for c in ("trace", "tree", "doctor", "help",
                     "version")], *[[c, "--help"] for c in ("trace", "tree", "doctor")]):
            each_way(m, " ".join(args), args)


@test()
def doctor_fits():
    with Mismatches("lines of doctor") as m:
        each_way(m, "doctor", ["doctor"])


@test(tracing=False)
def health_fits_24_lines():
    with Mismatches("health") as m:
        each_way(m, "health", [])
        for columns in WIDTHS:
            rc, out, err = piped([], columns)
            m.true("%d columns" % columns, out.count("\n") <= 24, "has %d lines" % out.count("\n"))
            m.true("%d columns" % columns, "proctrail " in out[-200:], "has no next command:", out[-200:])
            m.same("stderr", "", err)


@test()
def messages_fit():
    with Mismatches("messages") as m:
        for args in (["trace", "--jsno"], ["trace", "--", "/not/there/" + LONG], ["tree", "--state", "Q"],
                     ["trace", "--match", "("], ["trace", "-o", "/no/such/" + LONG[:50], "--duration", "1s"]):
            rc, _, err = piped(args, 80)
            m.true("%s says nothing" % args[:2], err.strip())
            m.true("%r" % args[:3], "\n\n" not in err and err.endswith("\n"), "is not plain lines:", err)


@test()
def wide_does_not_cut():
    cmd = ["tree", "--wide", "--", "/bin/sh", "-c", "/bin/true; :"]
    expect("tree --wide", 0, piped(cmd, 60)[0])
    rc, out, _ = piped(["trace", "--wide", "--", "/bin/echo", LONG], 60)
    expect_true("trace --wide cuts an argument", LONG in out, out)


@test()
def a_narrower_terminal_gets_60_columns():
    with Mismatches("40 columns") as m:
        code, out = on_terminal([PROCTRAIL, "doctor"], columns=40)
        m.same("exit status", 0, code)
        too_wide(m, "doctor", out.decode(), 60)
