# SPDX-License-Identifier: GPL-2.0-only
"""Execs that fail: what was tried, what was missing, and that a search through PATH is one."""
import json
import os
import sys

from lib import PROCTRAIL, Skip, expect, expect_true, run, temp_dir, test

PYTHON = os.path.realpath(sys.executable)


def lines_of(out, event):
    return [x for x in map(json.loads, out.splitlines()) if x["event"] == event]


def told(command, cmd, *options):
    """What the command says, live and from the trail of the same run."""
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    code, _out, err = run([PROCTRAIL, command, "--json", "-o", live, "-w", trail, *options, "--", *cmd])
    expect("exit code, %s" % err.decode()[-200:], 0, code)
    with open(live, "rb") as f:
        seen = f.read()
    return seen, run([PROCTRAIL, command, "--json", "-r", trail])[1]


def hooks_of(out):
    return set(lines_of(out, "start")[0]["hooks"])


def write(path, text, mode=0o755):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


# each in a child of its own, which then ends by 127 as a shell's would
TRIES = """
import os, sys
for how, path in %r:
    pid = os.fork()
    if not pid:
        try:
            if how == "search":
                os.execvp(path, [path])
            elif how == "long":
                os.execv(path, [path, "x" * 200000] * 100)
            else:
                os.execv(path, [path])
        except OSError:
            os._exit(127)
    os.waitpid(pid, 0)
"""


def scene():
    d = temp_dir()
    dirs = [os.path.join(d, "dir%d" % i) for i in range(6)]
    for x in dirs:
        os.mkdir(x)
    write(os.path.join(dirs[5], "late"), "#!/bin/sh\n")
    paths = {
        "script": write(os.path.join(d, "script"), "#!/no/such/perl -w\n"),
        "text": write(os.path.join(d, "text"), "neither\n"),
        "plain": write(os.path.join(d, "plain"), "#!/bin/sh\n", 0o644),
        "absent": os.path.join(d, "absent"),
        "long": "/bin/true",
    }
    tries = [("exec", paths[k]) for k in ("script", "text", "plain", "absent")]
    tries += [("long", paths["long"]), ("search", "late"), ("search", "nowhere")]
    cmd = ["/usr/bin/env", "PATH=" + ":".join(dirs), PYTHON, "-S", "-c", TRIES % tries]
    return d, dirs, paths, cmd


@test(seconds=60)
def each_failure_tells_what_was_tried():
    _d, dirs, paths, cmd = scene()
    seen, again = told("trace", cmd, "--exec-failures")
    got = [(x["error"], x["path"], x.get("found")) for x in lines_of(seen, "exec_failed")]
    named = "exec_failed" in hooks_of(seen)  # by fexit: of the contents nothing is known then
    expect("failures", [
        ("ENOENT", paths["script"], True),
        ("ENOEXEC", paths["text"], None if named else True),
        ("EACCES", paths["plain"], None),
        ("ENOENT", paths["absent"], None),
        ("E2BIG", paths["long"], got[4][2] if len(got) > 4 else None),
    ] + [("ENOENT", os.path.join(x, "late"), None) for x in dirs[:5]] +
        [("ENOENT", os.path.join(x, "nowhere"), None) for x in dirs], got)
    interpreters = {x.get("interpreter") for x in lines_of(seen, "exec_failed")}
    expect("interpreters", {None, "/no/such/perl"} if named else {None}, interpreters)
    expect("from its trail", lines_of(seen, "exec_failed"), lines_of(again, "exec_failed"))


@test(seconds=60)
def a_search_is_one_failure_or_none():
    _d, dirs, paths, cmd = scene()
    seen, again = told("spawns", cmd, "--exec-failures")
    total = lines_of(seen, "spawns")[0]
    expect("failed, searches, tries in vain", (6, 1, 5),
           (total["exec_failed"], total["path_searches"], total["path_tries"]))
    fails = {x["path"]: (x["error"], x["count"], x["tries"]) for x in lines_of(seen, "exec_failure")}
    expect("by path", {
        paths["script"]: ("ENOENT", 1, 1), paths["text"]: ("ENOEXEC", 1, 1),
        paths["plain"]: ("EACCES", 1, 1), paths["absent"]: ("ENOENT", 1, 1),
        paths["long"]: ("E2BIG", 1, 1), os.path.join(dirs[5], "nowhere"): ("ENOENT", 1, 6),
    }, fails)
    expect("nothing is inferred", [], [x for x in lines_of(seen, "finding") if x["finding"] == "exec_failed"])
    expect("from its trail", lines_of(seen, "exec_failure") + lines_of(seen, "spawns"),
           lines_of(again, "exec_failure") + lines_of(again, "spawns"))


@test(seconds=60)
def a_shell_searches_path_too():
    """dash's exec tries each directory; what fails in the end is one."""
    _d, dirs, _paths, _cmd = scene()
    cmd = ["/bin/sh", "-c", "PATH=%s; (exec late); (exec nowhere); exit 0" % ":".join(dirs)]
    total = lines_of(told("spawns", cmd, "--exec-failures")[0], "spawns")[0]
    expect("failed, searches, tries in vain", (1, 1, 5),
           (total["exec_failed"], total["path_searches"], total["path_tries"]))


@test(seconds=60)
def a_mount_without_exec():
    d = temp_dir()
    code, _out, err = run(["mount", "-t", "tmpfs", "-o", "noexec", "none", d])
    if code:
        raise Skip("no tmpfs: %s" % err.decode().strip())
    try:
        tool = write(os.path.join(d, "tool"), "#!/bin/sh\n")
        seen, _again = told("trace", ["/bin/sh", "-c", "%s; exit 0" % tool], "--exec-failures")
    finally:
        run(["umount", d])
    expect("failures", [("EACCES", tool)], [(x["error"], x["path"]) for x in lines_of(seen, "exec_failed")])


@test(seconds=60)
def a_script_names_what_runs_it():
    d = temp_dir()
    inner = write(os.path.join(d, "inner"), "#!/bin/sh -e\n")
    outer = write(os.path.join(d, "outer"), "#!%s\n" % inner)
    seen, again = told("trace", ["/bin/sh", "-c", "%s; exit 0" % outer])
    expect("scripts", [(outer, "/bin/sh")],
           [(x["exe"], x["interpreter"]) for x in lines_of(seen, "exec") if "interpreter" in x])
    expect("from its trail", lines_of(seen, "exec"), lines_of(again, "exec"))


@test(seconds=60)
def what_is_not_watched_is_not_none():
    _d, _dirs, paths, cmd = scene()
    seen, _again = told("spawns", cmd)
    text = os.path.join(temp_dir(), "text")
    run([PROCTRAIL, "spawns", "-o", text, "--", *cmd])
    with open(text) as f:
        said = f.read()
    total = lines_of(seen, "spawns")[0]
    expect("inferred", 6, total["exec_failed_inferred"])
    if "exec_failed" in hooks_of(seen):
        expect("watched", 6, total["exec_failed"])
        expect_true("the script is told", "%s is there" % os.path.basename(paths["script"]) in said, said)
        return
    expect_true("absent", "exec_failed" not in total, total)
    expect_true("said", "failed execs (--exec-failures)" in " ".join(said.split()), said)
    expect_true("inferred, and so it is called", "most likely exec failed" in " ".join(said.split()), said)
