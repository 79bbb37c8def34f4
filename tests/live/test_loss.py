# SPDX-License-Identifier: GPL-2.0-only
"""A ring that is too small: what is lost is counted, told and healed."""
import os
import signal
import time

from lib import (Bench, Mismatches, PROCTRAIL, Skip, Stream, boot_ns, bpf_ids, bpftool, descendants,
                 events_of, expect_true, gen, proc_stat, start, temp_dir, test, until)
import subprocess

SMALL = ["--ring", "64K"]
REC_FORK = 1	# bpf/event.h


def hold(n):
    return " ".join(gen("hold", "--count", n, "--ms", 60000)) + " & H=$!\n"


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    until("proctrail is stopped", lambda: proc_stat(pid)[0] == "T")


def counters(pid):
    """The kernel side's own sums: (attempted by type, lost by type), all CPUs."""
    for id in bpf_ids(pid)["map"]:
        shown = bpftool("map", "show", "id", id)
        if shown and shown.get("name") == "counters":
            rows = bpftool("map", "dump", "id", id)
            cpus = [r["formatted"]["value"] for r in rows]
            return [[sum(x) for x in zip(*(c[k] for c in cpus))] for k in ("attempted", "lost")]
    raise Skip("no map 'counters' to read with bpftool")


def storm_behind_its_back(bench, tracer, a_pid):
    """While the tracer stands: the held of a_pid die, 20 others are born, and a storm goes by."""
    stop(tracer.pid)
    bench.sh("kill %d; wait %d" % (a_pid, a_pid))
    bench.sh(hold(20))
    bench.wait("ready")
    bench.sh(" ".join(gen("storm", "--count", 20000)))
    bench.wait("end")
    os.kill(tracer.pid, signal.SIGCONT)


def heal_in(path):
    with open(path, "rb") as f:
        return b'{"event":"heal"' in f.read()


def lossy_trace():
    """(stream, kernel's counts and their boot_ns, CONT's boot_ns, pids alive after the storm)"""
    out = os.path.join(temp_dir(), "out")
    bench = Bench(PROCTRAIL, "trace", "--json", "-o", out, *SMALL, "--")
    bench.sh(hold(10))
    a_pid = bench.wait("ready")["pid"]
    bench.sh(hold(10))
    bench.wait("ready")
    storm_behind_its_back(bench, bench.proc, a_pid)
    woken_ns = boot_ns()
    until("the table is healed", lambda: heal_in(out), 10)
    alive = set(descendants(bench.proc.pid))
    counts = counters(bench.proc.pid) + [boot_ns()]
    bench.sh("kill $(jobs -p); wait")
    bench.end()
    return Stream(out), counts, woken_ns, alive


@test(seconds=60)
def lost_records_are_counted_placed_and_healed():
    t, (attempted, lost, counted_ns), woken_ns, alive = lossy_trace()
    with Mismatches("the accounts of a loss") as m:
        told = [e for e in t.of("lost") if e.get("reason") == "ring"]
        m.true("something is lost", sum(lost) > 0, attempted, lost)
        m.same("the kernel's count of lost = the sum of 'lost' lines", sum(lost),
               sum(e["count"] for e in told))
        m.same("= the summary's", sum(lost), t.summary["lost"])
        m.same("attempted = delivered + lost", t.summary["attempted"],
               t.summary["delivered"] + t.summary["lost"])
        m.same("complete", False, t.summary["complete"])
        m.true("each loss has a place", all(e["from_boot_ns"] <= e["boot_ns"] for e in told), told)
        real = [e for e in t.of("fork") if "syscall" in e and e["boot_ns"] <= counted_ns]
        m.same("births attempted - lost = births told", attempted[REC_FORK] - lost[REC_FORK], len(real))
        heals = t.of("heal")
        # a second on a quiet machine; tests do not time
        m.true("healed", heals and heals[0]["boot_ns"] - woken_ns < 10e9, woken_ns, heals[:2])
        for pid in alive:
            lives = t.all_of_pid(pid)
            m.true("pid %d, alive after the loss," % pid, lives, "is not known")
            m.same("its death and reap", (1, 1),
                   (len(lives[-1].exit), len(lives[-1].reap)) if lives else (1, 1))


@test(seconds=60)
def the_dead_of_a_gap_are_dead_to_the_end():
    t, _, _, _ = lossy_trace()
    with Mismatches("ghosts") as m:
        for life in t.lives.values():
            m.true(life.id, life.exit and life.reap, "never died:", life)
            m.true(life.id, len(life.exit) <= 1 and len(life.reap) <= 1, "died twice:", life)
        m.same("zombies at the end", 0, t.summary["zombies"])


@test(seconds=60)
def the_tree_equals_proc_one_second_after_a_loss():
    bench = Bench()
    out = os.path.join(temp_dir(), "out")
    tree = start([PROCTRAIL, "tree", "--json", "-o", out, *SMALL, "--duration", "60s", "--pid",
                  str(bench.proc.pid)], stderr=subprocess.DEVNULL)
    until("proctrail is attached", lambda: len(bpf_ids(tree.pid)["link"]) >= 8)
    bench.sh(hold(10))
    a_pid = bench.wait("ready")["pid"]
    bench.sh(hold(10))
    bench.wait("ready")
    storm_behind_its_back(bench, tree, a_pid)
    time.sleep(1)	# the promise: equal within a second
    real = set(descendants(bench.proc.pid)) | {bench.proc.pid}
    tree.send_signal(signal.SIGINT)
    expect_true("SIGINT did not end it", tree.wait(10) == 0, tree.returncode)
    rows = list(events_of(out))
    alive = {e["pid"] for e in rows if e["event"] == "proc" and e["stage"] in ("born", "running")}
    with Mismatches("the table after a loss") as m:
        m.true("lost", rows[-1]["lost"] > 0, rows[-1])
        m.same("alive, but not in the table", [], sorted(real - alive))
        m.same("in the table, but gone", [], sorted(alive - real))
        m.true("31 and more are alive", len(real) >= 31, len(real))
    bench.sh("kill $(jobs -p); wait")
    bench.end()
