# SPDX-License-Identifier: GPL-2.0-only
"""Orphans: who got them, out of whose death, and what became of them; live and from its trail."""
import json
import os
import subprocess
import sys
import time

from lib import (PROCTRAIL, Mismatches, Skip, expect, expect_true, gen, run, start, temp_dir, test, truth_and_messages,
                 until)
from test_zombies import dead_of


class Answer:
    """proctrail zombies --json -- CMD, and the same of its trail."""

    def __init__(self, cmd, *opts):
        d = temp_dir()
        live, self.trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
        code, out, err = run([PROCTRAIL, "zombies", "--json", "-o", live, "-w", self.trail, *opts, "--", *cmd])
        expect("code", 0, code)
        self.truth, _ = truth_and_messages(out, err)
        with open(live) as f:
            self.events = [json.loads(x) for x in f]
        again = [json.loads(x) for x in run([PROCTRAIL, "zombies", "--json", "-r", self.trail])[1].splitlines()]
        for kind in ("origin", "adopter", "adoption", "ledger"):
            expect("%s from its trail" % kind, self.of(kind), [x for x in again if x["event"] == kind])

    def of(self, kind):
        return [x for x in self.events if x["event"] == kind]

    def did(self, deed):
        return [x for x in self.truth if x["do"] == deed]


def expect_adoptions(how):
    """Every orphan of the generator's has its record, and no other process has one."""
    a = Answer(gen("reparent", "--how", how, "--live-ms", 200))
    found = {x["pid"]: x for x in a.of("adoption")}
    with Mismatches("adoptions: " + how) as m:
        for truth in a.did("adopt"):
            x = found.get(truth["pid"])
            if not m.true("pid %d" % truth["pid"], x, "has no record in", sorted(found)):
                continue
            m.same("(adopter, parent by birth)", (truth["ppid"], truth["birth_ppid"]),
                   (x["adopter_pid"], x["birth_ppid"]))
            m.true("out of a death", x["from_pid"] == truth["birth_ppid"] and x["from_comm"] == "reparent", x)
            m.true("in time", truth["start_ns"] <= x["boot_ns"] <= truth["ts_ns"], x, truth)
            # a daemon's first child has made a session of its own before it was its parent
            sid = truth["birth_ppid"] if how == "daemon" else os.getsid(0)
            m.true("from where", (x["uid"], x.get("sid", 0)) == (os.getuid(), sid) and "cgroup" in x, x)
            m.true("has died", x["boot_ns"] <= x.get("zombie_since_ns", 0), x)
            if x["how"] == "subreaper":  # which ours is; init may take its time
                m.true("was reaped", x["zombie_since_ns"] <= x.get("gone_ns", 0), x)
    return a, found


@test()
def orphans_of_init_and_of_a_subreaper():
    for how in ("orphan", "subreaper", "daemon"):
        a, found = expect_adoptions(how)
        expect("of nobody else", {x["pid"] for x in a.did("adopt")}, set(found))


@test()
def each_link_of_a_chain():
    a, found = expect_adoptions("chain")
    sums = a.of("adopter")
    expect("adopters", 1, len(sums))
    expect("who had how many, and reaped them", (sums[0]["comm"], "subreaper", 3, 3, 3, True),
           tuple(sums[0][k] for k in ("comm", "how", "orphans", "died", "reaped", "reaps")))
    expect("records", 3, len(found))
    longest = max(x["zombie_ns"] for x in found.values())
    expect("the longest wait", longest, sums[0]["zombie_max_ns"])


@test()
def a_thread_hands_its_child_to_another():
    a = Answer(gen("reparent", "--how", "thread", "--live-ms", 200))
    truth = a.did("thread_fork")[0]
    expect("records", [("thread", truth["pid"], truth["ppid"], truth["tid"], truth["ppid"])],
           [(x["how"], x["pid"], x["adopter_pid"], x["from_tid"], x["adopter_tid"]) for x in a.of("adoption")])
    expect("adopters", [], a.of("adopter"))


@test()
def an_init_of_a_namespace_that_reaps():
    a = Answer(gen("pidns", "--children", 1, "--orphans"))
    orphan = next(x for x in a.did("inside") if x["role"] == "orphan")
    init = a.did("container")[0]["pid"]
    expect("the orphan's adopter", [("namespace_init", init)],
           [(x["how"], x["adopter_pid"]) for x in a.of("adoption") if x["pid"] == orphan["pid"]])
    expect("what became of it", [(1, 1, True)],
           [(x["orphans"], x["reaped"], x["reaps"]) for x in a.of("adopter") if x["pid"] == init])


@test(seconds=60)
def an_init_that_does_not_reap_is_told_with_the_origin():
    a = Answer(gen("zombies", "--how", "init_does_not_reap", "--children", 5, "--live-ms", 7000), "--duration", "5s")
    init = a.did("parent")[0]["pid"]
    verdicts = [x["verdict"] for x in a.of("parent") if x["pid"] == init]
    expect("verdict", ["init_does_not_reap"], verdicts)
    origin = a.of("origin")
    expect("origins", [(init, 5, True, "zombies")],
           [(x["adopter_pid"], x["zombies"], x["orphans"], x.get("from_comm")) for x in origin])
    expect("each was left by that one", {origin[0]["from_pid"]}, {x["from_pid"] for x in a.of("adoption")})
    sums = [x for x in a.of("adopter") if x["pid"] == init]
    expect("reaped of five", [(5, 0, False)], [(x["died"], x["reaped"], x["reaps"]) for x in sums])
    text = run([PROCTRAIL, "zombies", "-r", a.trail])[1].decode()
    for word in ("from   zombies x5, orphans of zombies[%d] (died " % origin[0]["from_pid"],
                 "adopted 5: reaped none of 5 that died", "dead   5 zombies; "):
        expect_true("the text says: " + word, word in text, text)
    expect_true("in 80 columns", max(map(len, text.split("\n"))) <= 80, text)


@test(seconds=60)
def orphans_of_before_us_are_told_with_what_is_known():
    old = start(["setsid", *gen("zombies", "--how", "init_does_not_reap", "--children", 3, "--live-ms", 40000)],
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    init = json.loads(old.stdout.readline())["pid"]
    until("they are dead", lambda: len(dead_of(init)) == 3)
    out = run([PROCTRAIL, "zombies", "--json", "--pid", str(init)])[1]
    events = [json.loads(x) for x in out.splitlines()]
    # it has reaped its own before: whether it will reap these, too, cannot be told in five seconds
    verdicts = [x["verdict"] for x in events if x["event"] == "parent"]
    expect_true("no wrong verdict", verdicts in (["init_does_not_reap"], ["unknown"]), verdicts)
    origin = [x for x in events if x["event"] == "origin"]
    expect("origins, of whom is not known", [(init, 3, False, None)],
           [(x["adopter_pid"], x["zombies"], x["orphans"], x.get("from_pid")) for x in origin])
    expect("the session that they were in", old.pid, origin[0]["sid"])
    old.terminate()


LONG = bool(os.environ.get("TEST_LONG"))

# Pid 1 that runs a helper and waits for it, as most programs in a container do, and never looks after the
# orphans that another one leaves to it.
INIT = """
import subprocess, time
subprocess.run(['/bin/true'])
subprocess.run(['/bin/sh', '-c', '/bin/sleep 0.1 & /bin/sleep 0.2 & :'])
time.sleep(1)
print('ready', flush=True)
time.sleep(100)
"""


@test(seconds=100)
def an_init_that_has_reaped_its_own_is_told_when_orphans_are_left_for_long():
    cmd = ["unshare", "--pid", "--fork", "--kill-child"]
    if run([*cmd, "true"])[0]:
        raise Skip("no new pid namespace here")
    old = start([*cmd, os.path.realpath(sys.executable), "-S", "-c", INIT], stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL)
    expect("it has its orphans", b"ready\n", old.stdout.readline())
    if LONG:
        time.sleep(57)    # dead for a minute when the watch ends
    lines = [json.loads(x) for x in run([PROCTRAIL, "zombies", "--json", "--pid", str(old.pid)])[1].splitlines()]
    told = [x for x in lines if x["event"] == "parent"]
    expect("(its verdict, zombies, orphans, whether it has reaped)",
           [("init_does_not_reap" if LONG else "unknown", 2, 2, True)],
           [(x["verdict"], x["zombies"], x["adopted"], x["ever_reaped"]) for x in told])
    expect_true("or what would decide", LONG or "dead for a minute" in told[0]["decides"], told)
    old.kill()
