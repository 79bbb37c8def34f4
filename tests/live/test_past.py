# SPDX-License-Identifier: GPL-2.0-only
"""What a recorder has seen is evidence for who looks later: found by itself, and never stale."""
import json
import os
import subprocess
import time

from lib import PROCTRAIL, Skip, expect, expect_true, gen, start, test, until
from test_zombies import dead_of, parents

# The recorder's directory is a fixed place: the test has one of its own, in a mount namespace.
RECORDER = "/var/lib/proctrail"
APART = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         'mkdir -p %s && mount -t tmpfs -o mode=755 tmp %s && echo in && exec "$@"' % (RECORDER, RECORDER), "sh"]


def recorder(pid):
    p = start([*APART, PROCTRAIL, "record", "--pid", str(pid), "--sync", "200ms"], stdin=subprocess.DEVNULL,
              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if p.stdout.readline() != b"in\n":
        raise Skip("no mount namespace here")
    inside = "/proc/%d/root%s" % (p.pid, RECORDER)
    until("it records", lambda: os.path.isdir(inside) and any(x.endswith(".open") for x in os.listdir(inside)))
    return p


def look(at, *options):
    p = subprocess.run(["nsenter", "--mount", "--target", str(at.pid), PROCTRAIL, "zombies", *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect("code of zombies: %s" % p.stderr.decode()[-300:], 0, p.returncode)
    return p.stdout


def leak_of_four():
    leak = start(gen("zombies", "--how", "never_waits", "--children", 4, "--live-ms", 60000),
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    parent = json.loads(leak.stdout.readline())["pid"]
    until("they are dead", lambda: len(dead_of(parent)) == 4)
    return parent


@test(seconds=90)
def who_was_born_under_a_recorder_is_judged_since_birth():
    rec = recorder(os.getpid())
    parent = leak_of_four()
    until("and have been for more than patience", lambda: parents(
        look(rec, "--json", "--pid", str(parent), "--duration", "0").splitlines())[parent]["oldest_ns"] > 3.2e9)
    told = parents(look(rec, "--json", "--pid", str(parent), "--duration", "0").splitlines())[parent]
    expect("one look is enough", ("never_waits", "since birth", True),
           (told["verdict"], told["evidence_from"], told.get("evidence_recorder")))
    expect("the deaths are known, not estimated", False, told["oldest_estimated"])
    text = look(rec, "--pid", str(parent), "--duration", "0").decode()
    expect_true("the text says whose evidence it is",
                "with what the recorder has seen since" in text and "(the recorder's)" in text, text)

    # Stopped: what came since is not known to it, and it proves nothing about now.
    rec.terminate()
    expect("code of the recorder", 0, rec.wait(timeout=10))


@test(seconds=90)
def a_record_that_has_ended_proves_nothing_about_now():
    rec = recorder(os.getpid())
    parent = leak_of_four()
    keeper = start(["nsenter", "--mount", "--target", str(rec.pid), "sleep", "80"])
    until("it is inside", lambda: open("/proc/%d/comm" % keeper.pid).read() == "sleep\n")
    rec.terminate()
    rec.wait(timeout=10)
    until("its end is long ago", lambda: parents(
        look(keeper, "--json", "--pid", str(parent), "--duration", "0").splitlines())[parent]["oldest_ns"] > 5e9)
    told = parents(look(keeper, "--json", "--pid", str(parent), "--duration", "0").splitlines())[parent]
    expect("verdict", ("unknown", "snapshot", None),
           (told["verdict"], told["evidence_from"], told.get("evidence_recorder")))
    expect("but the deaths are still known", False, told["oldest_estimated"])


@test(seconds=60)
def an_empty_directory_is_no_past_and_costs_no_time():
    """The package makes it; a reader of trails would wait a second for what comes."""
    apart = start([*APART, "sleep", "50"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if apart.stdout.readline() != b"in\n":
        raise Skip("no mount namespace here")

    def took():
        began = time.monotonic()
        look(apart, "--duration", "0", "--pid", str(os.getpid()))
        return time.monotonic() - began
    best = min(took() for _ in range(5))
    expect_true("one look takes less than a second", best < 1, best)
