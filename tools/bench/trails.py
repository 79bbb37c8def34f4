# SPDX-License-Identifier: GPL-2.0-only
"""Trails: how fast they are written and replayed, how large they are, how soon they answer.

What needs no kernel is measured on trails of a machine that does not exist (build/bench/mktrail),
in CPU time: the machine is shared, and what a core can do is the question. Medians of rounds.
"""
import json
import os
import resource
import statistics
import subprocess
import time

MIXES = {"storm": [], "build": ["--mix", "build", "--parents", "8"]}
MOMENTS = 9
LIVE = 1000000


def run_json(argv):
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])


def cpu_of_children():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


class Trails:
    """build, root: where binaries and sources are; tmp: a directory for trails; say: prints a line."""

    def __init__(self, build, root, tmp, say):
        self.proctrail = os.path.join(build, "proctrail")
        self.storm = os.path.join(build, "load", "storm")
        self.mktrail = os.path.join(build, "bench", "mktrail")
        self.replay = os.path.join(build, "bench", "replay")
        self.root, self.tmp, self.say = root, tmp, say

    def path(self, name):
        return os.path.join(self.tmp, name + ".trail")

    def make(self, name, events, *options):
        if os.path.exists(self.path(name)):
            os.unlink(self.path(name))
        return run_json([self.mktrail, "--out", self.path(name), "--events", str(events), *options])

    def read(self, name, *options):
        return run_json([self.replay, "--in", self.path(name), *options])

    def measure_speed(self, rounds, events):
        """One after the other within a round, so that all three meet the same weather."""
        self.say(f"{events:,} made-up events, CPU time of one; medians of {rounds} rounds "
                 "(replayed: budget 5.0 M/s)")
        self.say(f"{'':8} {'WRITTEN':>16} {'READ':>16} {'REPLAYED':>16} {'BYTES':>6} {'KEYFRAMES':>10}")
        for mix, options in MIXES.items():
            ns = []
            for _ in range(rounds):
                made = self.make(mix, events, *options)
                raw, full = self.read(mix, "--raw"), self.read(mix)
                ns.append((made["written_ns"] / made["events"], raw["cpu_ns"] / raw["records"],
                           full["cpu_ns"] / full["records"]))
            cells = [statistics.median(column) for column in zip(*ns)]
            size = os.path.getsize(self.path(mix)) / made["events"]
            self.say(f"{mix:8} " + " ".join(f"{n:5.0f} ns {1000 / n:4.1f} M/s" for n in cells) +
                     f" {size:6.1f} {made['keyframes']:10}")

    def measure_moments(self, events):
        """The whole command, at moments all over a long trail of a storm."""
        made = self.make("long", events)
        walls, cpus = [], []
        for i in range(MOMENTS):
            ago_ms = made["span_ns"] // 1000000 * (i + 1) // (MOMENTS + 1)
            begin, cpu = time.monotonic(), cpu_of_children()
            subprocess.run([self.proctrail, "tree", "-r", self.path("long"), "--at", f"-{ago_ms}ms"],
                           stdout=subprocess.DEVNULL, check=True)
            walls.append(time.monotonic() - begin)
            cpus.append(cpu_of_children() - cpu)
        self.say(f"tree -r --at in {events:,} events, {MOMENTS} moments: "
                 f"{statistics.median(walls):.2f} s, at worst {max(walls):.2f} s; "
                 f"CPU {statistics.median(cpus):.2f} s, {max(cpus):.2f} s (budget 0.30 s)")
        os.unlink(self.path("long"))

    def measure_memory(self):
        self.make("many", LIVE, "--live", str(LIVE))
        row = self.read("many")
        self.say(f"replay with {row['live']:,} live processes: RSS {row['rss_kb'] / 1024:.0f} MiB "
                 f"(budget 400 MiB), table {row['table_bytes'] / 2**20:.0f} MiB")
        os.unlink(self.path("many"))

    def record(self, name, cmd):
        subprocess.run([self.proctrail, "trace", "--events", "lost", "-w", self.path(name), "--", *cmd],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        row = self.read(name)
        size = os.path.getsize(self.path(name)) / row["events"]
        return f"{size:.1f} bytes an event ({row['events']:,} events)"

    def measure_size(self, count):
        storm = self.record("real-storm", [self.storm, "--count", str(count), "--how", "vfork"])
        scratch = os.path.join(self.tmp, "build")
        build = self.record("real-build", ["make", "-s", "-j4", "-C", self.root,
                                           f"BUILD={scratch}", f"{scratch}/libproctrail.a"])
        self.say(f"trail of a real storm: {storm}, budget 14")
        self.say(f"trail of a real build: {build}, budget 40")

    def measure(self, rounds, events, count):
        self.measure_speed(rounds, events // 5)
        self.measure_moments(events)
        self.measure_memory()
        self.measure_size(count)
