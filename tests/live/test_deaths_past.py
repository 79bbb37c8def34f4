# SPDX-License-Identifier: GPL-2.0-only
"""Bare 'proctrail deaths' under a recorder: what it has seen, then what comes; and one that has crashed."""
import os
import signal
import subprocess
import time

from lib import PROCTRAIL, expect, expect_true, start, temp_dir, test, until
from test_past import recorder


def text_of(path):
    if not os.path.exists(path):
        return ""
    with open(path) as f:
        return f.read()


def die(code):
    expect("its code", code, subprocess.call(["sh", "-c", "exit %d" % code]))


def deaths(at):
    out = os.path.join(temp_dir(), "out")
    p = start(["nsenter", "--mount", "--target", str(at.pid), PROCTRAIL, "deaths", "-o", out],
              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p, out


@test(seconds=60)
def the_recorders_past_is_told_and_then_what_comes():
    rec = recorder(os.getpid())
    die(41)
    p, out = deaths(rec)
    until("what was before is told", lambda: "exit 41" in text_of(out), 10)
    die(42)
    until("what comes is told", lambda: "exit 42" in text_of(out), 10)
    expect("it goes on", None, p.poll())
    p.send_signal(signal.SIGINT)
    expect("code after Ctrl-C", 0, p.wait(10))
    rec.terminate()
    rec.wait(10)


@test(seconds=60)
def a_recorder_that_crashed_is_not_alive():
    """Its deaths are told, and nobody waits for more."""
    rec = recorder(os.getpid())
    keeper = start(["nsenter", "--mount", "--target", str(rec.pid), "sleep", "50"])
    until("it is inside", lambda: open("/proc/%d/comm" % keeper.pid).read() == "sleep\n")
    die(43)
    p, out = deaths(rec)
    until("it is recorded", lambda: "exit 43" in text_of(out), 10)
    p.send_signal(signal.SIGINT)
    p.wait(10)
    rec.kill()
    rec.wait(10)
    time.sleep(3.5)  # it writes every second: that it writes no more is all that tells
    p, out = deaths(keeper)
    expect("code, by itself", 0, p.wait(10))
    expect_true("its deaths", "exit 43" in text_of(out), text_of(out))
