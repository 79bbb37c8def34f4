# SPDX-License-Identifier: GPL-2.0-only
"""zombies -r with --from and --to: what happened in that part of a recording, and the verdicts at its end."""
import json
import os

from lib import PROCTRAIL, Mismatches, expect, expect_true, gen, run, temp_dir, test


HALF_NS = 10 ** 8    # of a zombie's life


def recorded(*cmd):
    """(the trail, its zombies and reaps in their order)"""
    trail = os.path.join(temp_dir(), "t.trail")
    code, _, err = run([PROCTRAIL, "trace", "-o", os.devnull, "-w", trail, "--", *cmd])
    expect("code of trace: %s" % err[-200:], 0, code)
    out = run([PROCTRAIL, "trace", "--json", "-r", trail])[1]
    return trail, [x for x in map(json.loads, out.splitlines()) if x["event"] in ("zombie", "reap", "adopt")]


def told(trail, *span):
    code, out, err = run([PROCTRAIL, "zombies", "--json", "--all", "-r", trail, *span])
    expect("code of zombies: %s" % err, 0, code)
    return [json.loads(x) for x in out.splitlines()]


def ledger(lines):
    return next((x for x in lines if x["event"] == "ledger"), None)


def counted(events, name, first, last):
    return sum(x["event"] == name and first <= x["boot_ns"] <= last for x in events)


@test(seconds=60)
def the_ledger_of_a_span_has_what_happened_in_it():
    trail, events = recorded(*gen("zombies", "--how", "late", "--children", 8, "--lifetime-ms", 200,
                                  "--live-ms", 3500))
    mine = [x for x in events if x["event"] == "zombie" and x["comm"] == "zombies"][:8]
    # in the middle of a life, so it is no matter how late a reap is known: reaped in the span, but born before it
    spans = {"whole": (None, None), "from": (mine[2], None), "to": (None, mine[4]), "part": (mine[2], mine[5])}
    with Mismatches("spans") as m:
        for what, (first, last) in spans.items():
            options = ["--from", moved(first["ts"], HALF_NS)] if first else []
            options += ["--to", moved(last["ts"], HALF_NS)] if last else []
            got = ledger(told(trail, *options))
            low, high = (x["boot_ns"] + HALF_NS if x else y for x, y in ((first, 0), (last, 1 << 63)))
            m.same(what + ": (born, reaped)", (counted(events, "zombie", low, high), counted(events, "reap", low, high)),
                   (got["born"], got["reaped"]))
            m.true(what + ": as long as they waited", 195e6 <= got["zombie_p50_ns"] <= 400e6, got)
        part = run([PROCTRAIL, "zombies", "--all", "-r", trail, *options])[1].decode()
        m.true("the text says how long it is", "s of " in part and "in this time: 3 zombies born, 3 reaped"
               in " ".join(part.split()), part)
        m.true("in 80 columns", max(map(len, part.split("\n"))) <= 80, part)


@test(seconds=60)
def the_verdicts_are_those_at_its_end():
    trail, events = recorded(*gen("zombies", "--how", "never_waits", "--children", 8, "--interval-ms", 500,
                                  "--live-ms", 6500))
    mine = [x for x in events if x["event"] == "zombie"][:8]
    with Mismatches("ends") as m:
        for cnt, verdict in ((2, "unknown"), (8, "never_waits")):
            end = mine[cnt - 1]["boot_ns"] + (10 ** 8 if cnt < 8 else 16 * 10 ** 8)
            lines = told(trail, "--from", mine[0]["ts"], "--to", moved(mine[cnt - 1]["ts"], end - mine[cnt - 1]["boot_ns"]))
            parent, = [x for x in lines if x["event"] == "parent" and x["zombies"]]
            m.same("after %d: (zombies, verdict, died)" % cnt, (cnt, verdict, cnt),
                   (parent["zombies"], parent["verdict"], parent["died"]))
            m.true("at that time", abs(parent["boot_ns"] - end) < 3 * 10 ** 8, parent["boot_ns"], end)
        at = told(trail, "--at", mine[3]["ts"])
        m.same("at a time: what happened is no question", None, ledger(at))
        m.same("at a time: its zombies", [4], [x["zombies"] for x in at if x["event"] == "parent"])


@test(seconds=60)
def adoptions_of_before_are_not_told_but_known():
    trail, events = recorded(*gen("zombies", "--how", "init_does_not_reap", "--children", 4, "--interval-ms", 400,
                                  "--live-ms", 3000))
    deaths = [x for x in events if x["event"] == "zombie"]
    adopts = [x for x in events if x["event"] == "adopt"]
    expect_true("they were adopted", len(adopts) >= 4, events)
    orphans = {x["pid"] for x in adopts}
    last = [x for x in deaths if x["pid"] in orphans][-1]
    lines = told(trail, "--from", last["ts"], "--to", moved(last["ts"], 10 ** 8))
    expect("adoptions in the span", [], [x for x in lines if x["event"] in ("adoption", "adopter")])
    origin, = [x for x in lines if x["event"] == "origin"]
    expect("(zombies, whether they are orphans, whose)", (4, True, "zombies"),
           (origin["zombies"], origin["orphans"], origin.get("from_comm")))


def moved(ts, ns):
    """A time as JSON has it, some nanoseconds later"""
    whole, part = ts.rstrip("Z").split(".")
    sec, nano = divmod(int(part) + ns, 10 ** 9)
    h, m, s = map(int, whole[-8:].split(":"))
    s += 60 * (60 * h + m) + sec
    expect_true("not over midnight", s < 86400, ts)
    return "%s%02d:%02d:%02d.%09dZ" % (whole[:-8], s // 3600, s // 60 % 60, s % 60, nano)
