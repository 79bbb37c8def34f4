# SPDX-License-Identifier: GPL-2.0-only
"""zombies --follow and --watch: what is new, a line each, live and from its trail; and a screen of it."""
import fcntl
import json
import os
import signal
import struct
import subprocess
import termios

from lib import PROCTRAIL, expect, expect_true, gen, on_terminal, run, start, temp_dir, test, until

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def lines_of(path):
    """Whole lines only: somebody may be writing."""
    with open(path, "rb") as f:
        return [json.loads(x) for x in f if x.endswith(b"\n")]


def news(events):
    return [x for x in events if x["event"] == "news"]


@test(seconds=90)
def a_leak_is_followed():
    d = temp_dir()
    live, trail, again = (os.path.join(d, x) for x in ("live", "t.trail", "again"))
    code, _, err = run([PROCTRAIL, "zombies", "--follow", "--json", "-o", live, "-w", trail, "--duration", "8s", "--",
                        *gen("zombies", "--how", "never_waits", "--children", 6, "--interval-ms", 700,
                             "--live-ms", 12000)])
    expect("code", 0, code)
    events = lines_of(live)
    kinds = [x["event"] for x in events]
    expect("first and last, once each", ("start", "summary", 1), (kinds[0], kinds[-1], kinds.count("start")))
    whats = [x["what"] for x in news(events)]
    expect_true("zombies, their verdict, the leak", {"zombies", "verdict", "leak"} <= set(whats), whats, err)
    expect("verdict", ["never_waits"], [x["verdict"] for x in news(events) if x["what"] == "verdict"])
    expect("zombies told one by one", 6, kinds.count("zombie"))
    told = sum(x["more"] for x in news(events) if x["what"] == "zombies")
    expect_true("zombies told by number, the last perhaps not yet", 4 <= told <= 6, news(events))
    first = min(x["boot_ns"] for x in events if x["event"] == "zombie")
    told = news(events)[0]["boot_ns"]
    expect_true("told three seconds after the death", 3e9 <= told - first < 4.5e9, told - first)

    p = start([PROCTRAIL, "zombies", "--follow", "--json", "-o", again, "-r", trail])
    until("all of it is read", lambda: os.path.exists(again) and len(news(lines_of(again))) >= len(whats))
    p.send_signal(signal.SIGINT)
    expect("code of the second", 0, p.wait(10))
    expect("from its trail", news(events), news(lines_of(again)))


@test(seconds=60)
def news_of_the_machine_until_the_end():
    leak = start(gen("zombies", "--how", "never_waits", "--children", 3, "--live-ms", 9000),
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(leak.stdout.readline())["pid"]
    out = os.path.join(temp_dir(), "out")
    p = start([PROCTRAIL, "zombies", "--follow", "--pid", str(parent), "-o", out])

    def told(words):
        with open(out) as f:
            return words in f.read()
    until("there", lambda: os.path.exists(out) and told("zombies[%d]" % parent), 15)
    until("they are gone, and that is told", lambda: told("its zombies are gone"), 20)
    p.send_signal(signal.SIGINT)
    expect("code", 0, p.wait(10))
    with open(out) as f:
        text = f.read()
    for words in ("PARENT                 NEWS\n", "+3 zombies older than 3s, the last: zombies\n", "never waits",
                  "0 zombies "):
        expect_true("it says: " + words, words in text, text)
    expect_true("in 80 columns", max(map(len, text.split("\n"))) <= 80, text)


@test(seconds=60)
def a_screen_is_painted_and_left():
    leak = start(gen("zombies", "--how", "never_waits", "--children", 3, "--live-ms", 40000),
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(leak.stdout.readline())["pid"]
    seen = {"resized": 0, "ended": False}

    def act(p, out):
        if not seen["resized"] and b"fix  " in out:
            fd = os.open("/proc/%d/fd/1" % p.pid, os.O_RDWR | os.O_NOCTTY)
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 6, 70, 0, 0))
            os.close(fd)
            seen["resized"] = len(out)
        if seen["resized"] and not seen["ended"] and b"more below" in out[seen["resized"]:]:
            seen["ended"] = True
            p.send_signal(signal.SIGINT)

    code, out = on_terminal([PROCTRAIL, "zombies", "--watch", "--pid", str(parent)], feed=act)
    expect("code", 0, code)
    expect_true("the other screen, once, and back", out.startswith(ENTER) and out.count(ENTER) == 1
                and out.count(LEAVE) == 1, out)
    screens, after = out.split(LEAVE)
    expect_true("painted from the top, several times", screens.count(b"\x1b[H") >= 2, screens)
    small = screens[screens.rindex(b"\x1b[H"):]
    expect("lines on six rows", 6, small.count(b"\n") + 1)
    expect_true("the last answer stays", b"3 zombies: 1 parent LEAKS" in after and b"fix  " in after, after)


@test()
def no_terminal_no_screen():
    code, out, err = run([PROCTRAIL, "zombies", "--watch"])
    expect("code and output", (2, b""), (code, out))
    expect_true("says what to use", b"--follow" in err, err)
