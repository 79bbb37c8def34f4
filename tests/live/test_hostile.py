# SPDX-License-Identifier: GPL-2.0-only
"""Names and arguments that mean harm: exact in JSON, harmless on a terminal."""
import os
import re
import sys

from lib import (Mismatches, PROCTRAIL, expect, expect_true, gen, on_terminal, raw_bytes, run, temp_dir,
                 test, trace)

SGR = re.compile(rb"\x1b\[[0-9;]*m")
HIDDEN = re.compile("[\u0080-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def check_bytes(m, t, case):
    """comm, path, arguments and directory of one life, byte by byte."""
    pid, name = case["pid"], bytes.fromhex(case["path_hex"])[2:]
    life = t.life(pid, 0)
    where = "%s %r" % (case["case"], name[:20])
    image = life.first("exec")
    # the kernel side keeps 255 bytes of a path
    m.same(where + " exe", (b"./" + name)[:255], raw_bytes(image, "exe"))
    m.same(where + " comm", name[:15], raw_bytes(image, "comm"))
    m.same(where + " args", [name, name, b"end"], raw_bytes(image, "args"))
    m.same(where + " args_truncated", False, image.get("args_truncated"))
    cwd = raw_bytes(image, "cwd")
    m.true(where + " cwd", cwd and cwd.endswith(b"/" + name), cwd)
    renamed = [raw_bytes(e, "comm") for e in life.rename]
    m.same(where + " rename", [name[:15]], renamed)


@test()
def every_byte_comes_back_from_json():
    t = trace(gen("hostile"), "--args-max", "4096")	# every line was parsed strictly on the way
    t.expect_complete()
    t.expect_counts()
    cases = t.did("exec")
    seen = set(b"".join(bytes.fromhex(c["path_hex"]) for c in cases))
    expect("all bytes but NUL came up", 255, len(seen))
    with Mismatches("hostile names in JSON") as m:
        for case in cases:
            check_bytes(m, t, case)


@test()
def strings_that_are_utf8_have_no_b64():
    t = trace(gen("hostile", "--case", "wide"))
    bad = [k for e in t.events for k in e if k.endswith("_b64") and k != "comm_b64"]
    expect("fields in base64", [], bad)	# comm is cut at 15 bytes, within a character


def check_terminal(what, text):
    text = SGR.sub(b"", text).replace(b"\r\n", b"\n")
    bad = [(i, c) for i, c in enumerate(text) if (c < 0x20 and c != 0x0a) or c == 0x7f]
    if bad:
        at = bad[0][0]
        expect_true("%s: a raw control byte reached the terminal" % what, False,
                    repr(text[max(0, at - 60):at + 20]))
    try:
        found = HIDDEN.search(text.decode("utf-8"))
    except UnicodeDecodeError as e:
        expect_true("%s: not UTF-8" % what, False, str(e), repr(text[max(0, e.start - 40):e.start + 20]))
    expect_true("%s: a hidden or reordering character" % what, not found, found)
    return text


def text_on_terminal(cmd, env):
    code, text = on_terminal([PROCTRAIL, *cmd], env=env)
    expect("exit status", 0, code)
    return check_terminal(" ".join(cmd[:2]) + " " + str(env), text)


@test()
def trace_lets_no_raw_byte_reach_a_terminal():
    for env in ({"NO_COLOR": "1"}, {}, {"LC_ALL": "C"}):
        for args in (["--case", "all"], ["--case", "long_name"]):
            # the generator's own output does not go to the terminal
            text = text_on_terminal(["trace", "--events", "fork,exec,exit,zombie,reap,rename,fact", "--",
                                     "sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh",
                                     *gen("hostile", *args)], env)
            expect_true("the names are shown", text.count(b"exec") > 0, text[-300:])


@test()
def tree_lets_no_raw_byte_reach_a_terminal():
    for env in ({"NO_COLOR": "1"}, {}):
        text_on_terminal(["tree", "--", "sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", *gen("hostile")],
                         env)


@test()
def a_c_locale_gets_ascii_only():
    text = text_on_terminal(["tree", "--", "sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh",
                             *gen("hostile")], {"LC_ALL": "C", "LANG": "C", "NO_COLOR": "1"})
    bad = [c for c in text if c > 0x7e]
    expect("bytes beyond ASCII", [], bad[:5])


def args_case(n, *opts):
    t = trace(gen("hostile", "--args", n), *opts)
    case = t.did("exec")[0]
    return t, t.life(case["pid"]).first("exec"), t.did("image")[0]


@test()
def no_argument_one_argument_ten_thousand():
    _, image, arrived = args_case(0)
    expect("0 arguments: what arrived", [b""] * arrived["argc"], raw_bytes(image, "args"))
    _, image, arrived = args_case(1)
    expect("1 argument", [b"arg0"], raw_bytes(image, "args"))
    _, image, arrived = args_case(10000, "--args-max", "65536")
    got, whole = raw_bytes(image, "args"), [b"arg%d" % i for i in range(10000)]
    expect("10,000: truncated", True, image.get("args_truncated"))
    kept = b"\0".join(whole)[:65536].split(b"\0")
    expect("10,000: number of arguments kept", len(kept), len(got))
    expect("10,000: the arguments", kept, got)


@test()
def arguments_are_cut_at_args_max():
    whole = b"\0".join([b"arg%d" % i for i in range(10000)])
    for most in (1, 255, 256, 257, 512, 1024, 1025, 4096, 4097, 16385, 65535):
        _, image, _ = args_case(10000, "--args-max", str(most))
        kept = whole[:most]
        want = kept[:-1].split(b"\0") if kept.endswith(b"\0") else kept.split(b"\0")
        expect("--args-max %d" % most, (want, True), (raw_bytes(image, "args"), image.get("args_truncated")))
    _, image, _ = args_case(100)
    expect("default: 512 bytes, whole when shorter", ([b"arg%d" % i for i in range(100)][:87], True),
           (raw_bytes(image, "args")[:87], image.get("args_truncated")))


@test()
def two_hundred_kilobytes_of_arguments():
    t = trace(gen("hostile", "--long-bytes", 200000), "--args-max", "65536")
    image = t.life(t.did("exec")[0]["pid"]).first("exec")
    got = raw_bytes(image, "args")
    expect("(first, bytes kept, truncated)", (b"llll", 65536 - 5, True),
           (got[0], len(b"\0".join(got[1:])), image["args_truncated"]))


@test()
def environment_and_arguments_do_not_mix():
    t = trace(["env", "-i", "SECRET=1", sys.executable, "-S", "-c", "pass", ""])
    for e in t.of("exec"):
        expect_true("the environment is in args", "SECRET=1" not in e["args"][1:] or "env" in e["args"][0], e)
    last = t.of("exec")[-1]
    expect("the last, empty argument is kept", "", last["args"][-1])


@test()
def json_on_a_terminal_is_harmless_too():
    out = os.path.join(temp_dir(), "err")
    code, text = on_terminal(["sh", "-c", '"$0" trace --json -- "$@" 2>"%s"' % out, PROCTRAIL, *gen("hostile")])
    expect("exit status", 0, code)
    check_terminal("trace --json", text)


@test()
def an_unmounted_name_in_help_and_errors_is_escaped():
    rc, _, err = run([PROCTRAIL, b"\x1b[31mred", b"--\xc2\x9bx"])
    expect("exit status", 2, rc)
    check_terminal("an error's message", err)
