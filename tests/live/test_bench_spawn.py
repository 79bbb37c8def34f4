# SPDX-License-Identifier: GPL-2.0-only
"""tools/bench/spawn and its generator: what proctrail tells lies between the moments that all noted."""
import os
import re

from lib import HERE, BUILD, Mismatches, expect, expect_true, gen, run, temp_dir, test, trace

SPAWNS = ("fork", "vfork", "posix_spawn", "clone")


@test(seconds=60)
def births_and_images_lie_between_the_generators_moments():
    t = trace(gen("spawncost", "--how", ",".join(SPAWNS), "--count", 20, "--heap-mb", "4,64"), seconds=50)
    t.expect_counts()
    costs = t.did("cost")
    expect("operations", [how for _ in range(40) for how in SPAWNS], [c["how"] for c in costs])
    with Mismatches("spawns") as m:
        for c in costs:
            life = t.life(c["pid"], c["start_ns"])
            fork, image = life.first("fork"), life.first("exec")
            born, runs = fork["start_ns"], image["boot_ns"]
            sign = min(c[k] for k in ("returned_ns", "child_ns") if k in c)
            m.same("%s: how" % c["how"], c["how"], fork["how"])
            m.true("%s: born within the call" % c["how"], c["start_ns"] <= born <= sign, c, fork)
            m.true("%s: exec before the image runs" % c["how"], c.get("exec_ns", born) <= runs <= c["image_ns"],
                   c, image)
            m.same("%s: birth to exec" % c["how"], runs - born, image["spawn_ns"])
            m.true("%s: the parent's size" % c["how"],
                   c["heap_mb"] << 10 <= fork["parent_rss_kb"] <= (c["heap_mb"] + 4) << 10, c, fork)


@test(seconds=60)
def threads_and_signals_lie_between_the_generators_moments():
    t = trace(gen("spawncost", "--how", "thread,signal_self,signal_other,vfork_exit", "--count", 20),
              "--threads", "--signals=all", seconds=50)
    t.expect_counts()
    threads = {e["tid"]: e for e in t.of("fork") if "tid" in e}
    ends = {e["tid"]: e for e in t.of("exit") if "tid" in e}
    with Mismatches("operations") as m:
        for c in t.did("cost"):
            if "tid" in c:
                born, end = threads[c["tid"]]["boot_ns"], ends[c["tid"]]["boot_ns"]
                m.true("a thread's birth", c["start_ns"] <= born <= c["child_ns"], c, born)
                m.true("a thread's end", c["end_ns"] <= end <= c["reaped_ns"], c, end)
                continue
            life = [x for x in t.all_of_pid(c["pid"]) if x.first("fork")["boot_ns"] <= c["reaped_ns"]][-1]
            end = life.first("exit")["boot_ns"]
            if c["how"] == "vfork_exit":
                m.true("a child's end", c["end_ns"] <= end <= c["reaped_ns"], c, end)
                continue
            sent = [e["boot_ns"] for e in life.signal if e["signal_name"] == "SIGUSR1"]
            m.same("signals", 1, len(sent))
            m.true("a signal", c["start_ns"] <= sent[0] <= c["handler_ns"] <= end <= c["reaped_ns"], c, sent, end)


@test(seconds=120)
def the_bench_runs_and_all_agree_on_counts():
    out = os.path.join(temp_dir(), "out")
    code, told, said = run([os.path.join(HERE, "../../tools/bench/spawn"), "--quick", "--out", out], seconds=110,
                           env=dict(os.environ, BUILD=os.path.abspath(BUILD)))
    expect("exit code: %s" % said.decode()[-200:], 0, code)
    with open(out) as f:
        text = f.read()
    expect("what is printed is what is written", told.decode(), text)
    expect("lines longer than 80", [], [x for x in text.splitlines() if len(x) > 80])
    numbers = [int(x) for x in re.findall(r"(?<![\w.])\d+(?= operations| found| of them| events lost)", text)]
    expect("operations; found, within bounds; lost", [numbers[0]] * 3 + [0], numbers)
    expect_true("five of each of 15 kinds", numbers[0] >= 5 * 15, numbers)
    births = re.search(r"births: (\d+) processes, (\d+) threads by the generator;\s+(\d+), (\d+) by", text)
    expect("births by both", births.groups()[:2], births.groups()[2:])
    for row in (r"fork +10 MiB +30-80us ", r"posix_spawn +100 MiB +40-120us ", r"thread +10 MiB +10-30us ",
                r"switch, processes +- +1-3us .* - +-$", r"signal to another .* 1-5us ", r"exec python3 .* 20-60ms "):
        expect_true("there is a row: " + row, re.search("^" + row, text, re.M), text)
