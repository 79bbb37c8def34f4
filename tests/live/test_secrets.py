# SPDX-License-Identifier: GPL-2.0-only
"""Secrets in command lines: in no answer, in no recording."""
import json
import os
import re
import signal
import struct
import zlib

from lib import PROCTRAIL, Failed, expect, expect_true, run, start, temp_dir, test, until

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = os.path.join(HERE, "../unit/redact_lines.h")
MARK = "S3cr3tMark"	# as there: a secret begins with it, and three bytes of it are too many
TOOL = """
import json, os, shutil, sys
here, lines = sys.argv[1:]
sys.stdin.readline()
for argv in json.load(open(lines)):
    tool = os.path.join(here, os.path.basename(argv[0]))
    if not os.path.exists(tool):
        shutil.copy("/bin/true", tool)
    os.waitpid(os.posix_spawn(tool, argv, os.environ), 0)
print("done", flush=True)
sys.stdin.read()
"""


def planted():
    """The command lines with secrets of the unit test, as lists of arguments."""
    with open(LINES) as f:
        text = f.read()
    table = text[text.index("planted[] = {"):text.index("ordinary[]")]
    macros = {"MARK": MARK}
    macros["JWT"] = "".join(word(w, macros) for w in
                            re.findall(r'"(?:\\.|[^"\\])*"|MARK', re.search(r"#define JWT (.*)", text).group(1)))
    found = []
    for entry in re.findall(r'\{((?:"(?:\\.|[^"\\])*"|MARK|JWT|\s)+),', table):
        line = "".join(word(w, macros) for w in re.findall(r'"(?:\\.|[^"\\])*"|MARK|JWT', entry))
        found.append(line.split("\t"))
    return found


def word(w, macros):
    return json.loads(w) if w.startswith('"') else macros[w]


def payloads(path):
    """What stands in the blocks of a segment, inflated: TRAIL.md."""
    with open(path, "rb") as f:
        data = f.read()
    at = struct.unpack_from("<H", data, 10)[0]
    while at + 72 <= len(data):
        magic, size, stored, _, _, _, flags = struct.unpack_from("<4sIIIIHH", data, at)
        expect("magic of the block at %d" % at, b"PBLK", magic)
        raw = data[at + 72:at + 72 + stored]
        yield raw if flags & 4 or not raw else zlib.decompress(raw, -15)
        at += size


def expect_none(what, data):
    for piece in (MARK[:3], MARK[3:7], MARK[-4:]):
        i = data.find(piece.encode())
        if i >= 0:
            raise Failed("a secret is in %s" % what, repr(data[max(0, i - 120):i + 60]))


def workload():
    """The command that plants all of them at a line of input, and ends with that; and how many."""
    d, lines = temp_dir(), planted()
    expect_true("there are many", len(lines) >= 60, len(lines))
    for argv in lines:
        expect_true("each has one", MARK in "\t".join(argv), argv)
    tool, table = os.path.join(d, "plant.py"), os.path.join(d, "lines.json")
    with open(tool, "w") as f:
        f.write(TOOL)
    with open(table, "w") as f:
        json.dump(lines, f)
    return ["python3", tool, d, table], len(lines)


def bytes_of(path):
    with open(path, "rb") as f:
        return f.read()


@test(seconds=120)
def planted_secrets_are_in_no_trail_and_no_answer():
    d = temp_dir()
    cmd, cnt = workload()
    rec, live, said = os.path.join(d, "rec"), os.path.join(d, "live"), os.path.join(d, "said")
    with open(said, "wb") as err:
        p = start([PROCTRAIL, "trace", "--json", "-o", live, "-w", rec + "/", "--", *cmd],
                  stdin=-1, stdout=-1, stderr=err)
    p.stdin.close()
    expect("what the command says", b"done\n", p.stdout.readline())
    expect("exit status", 0, p.wait(30))
    execs = [json.loads(x) for x in bytes_of(live).splitlines() if b'"event":"exec"' in x]
    expect_true("they were seen", len(execs) >= cnt, len(execs))
    hidden = [e for e in execs if any("***" in a for a in e["args"])]
    expect_true("and hidden", len(hidden) >= cnt - 2, len(hidden), cnt)	# *** may be behind the cut
    answers = {"the live answer": bytes_of(live), "what it said": bytes_of(said)}
    for name, args in (("trace --json", ["trace", "--json"]), ("trace", ["trace", "--wide"]),
                       ("tree", ["tree", "--wide"]), ("tree --json", ["tree", "--json"]),
                       ("info", ["info"])):
        rc, out, err = run([PROCTRAIL, *args, "-r", rec])
        expect("%s: exit status" % name, 0, rc)
        answers[name + " -r"] = out + err
    for f in os.listdir(rec):
        if f.endswith(".trail"):
            answers[f] = bytes_of(os.path.join(rec, f))
            answers[f + ", inflated"] = b"".join(payloads(os.path.join(rec, f)))
    expect_true("the recording has their command lines",
                any(b"***" in v for k, v in answers.items() if k.endswith("inflated")))
    for what, data in answers.items():
        expect_none(what, data)


@test(seconds=120)
def planted_secrets_are_in_no_keyframe():
    """Those of rows: of the dead, of which a table keeps the last, when a second segment begins."""
    cmd, _ = workload()
    rec = os.path.join(temp_dir(), "rec")
    w = start(cmd, stdin=-1, stdout=-1)
    p = start([PROCTRAIL, "record", "-w", rec, "--pid", str(w.pid), "--duration", "60s"], stderr=-1)
    until("it records", lambda: os.path.isdir(rec) and any(f.endswith(".open") for f in os.listdir(rec)),
          seconds=30)
    until("it has begun", lambda: any(whole_payloads(os.path.join(rec, f)) for f in os.listdir(rec)))
    w.stdin.write(b"\n")
    w.stdin.flush()
    expect("what the command says", b"done\n", w.stdout.readline())
    until("the first segment has it", lambda: any(
        b"plant.py" in x for f in os.listdir(rec) for x in whole_payloads(os.path.join(rec, f))))
    p.send_signal(signal.SIGHUP)
    until("there is a second segment", lambda: len([f for f in os.listdir(rec) if f != "lock"]) > 1, seconds=20)
    w.stdin.close()
    w.wait(10)
    p.send_signal(signal.SIGTERM)
    said = p.stderr.read()
    expect("exit status", 0, p.wait(30))
    expect_none("what it said", said)
    second = sorted(f for f in os.listdir(rec) if f != "lock")[1]
    data = b"".join(payloads(os.path.join(rec, second)))
    expect_true("its keyframe has the command lines", b"***" in data)
    for f in sorted(os.listdir(rec)):
        if f != "lock":
            expect_none(f, bytes_of(os.path.join(rec, f)))
            expect_none(f + ", inflated", b"".join(payloads(os.path.join(rec, f))))


def whole_payloads(path):
    """Of a segment that is being written, as much as is there."""
    try:
        return list(payloads(path)) if not path.endswith("lock") else []
    except (Failed, OSError, struct.error, zlib.error):
        return []


@test(seconds=60)
def planted_secrets_are_in_no_text():
    cmd, _ = workload()
    for args in (["trace", "--wide"], ["trace"], ["tree", "--wide"], ["tree", "--json"]):
        p = start([PROCTRAIL, *args, "-o", "/dev/stdout", "--", *cmd], stdin=-1, stdout=-1, stderr=-1)
        p.stdin.close()
        out, err = p.stdout.read(), p.stderr.read()
        expect("%s: exit status" % args, 0, p.wait(30))
        expect_none(" ".join(args), out + err)
