# SPDX-License-Identifier: GPL-2.0-only
"""Recorders whose disk is full, gone, or does not answer, and recorders that are killed: what they keep."""
import json
import os
import shutil
import signal
import subprocess
import time

from lib import (LOAD, PROCTRAIL, Failed, Skip, Stream, at_end, boot_ns, expect, expect_true, gen,
                 run, start, temp_dir, test, until)

FEW = ["--json", "--events", "fork,lost"]  # of a storm
LONG = bool(os.environ.get("TEST_LONG"))
NS = 1000000000


def info(path):
    rc, out, err = run([PROCTRAIL, "info", "--json", "-r", path])
    if rc:
        raise Failed("info ended with %d" % rc, err.decode(errors="replace"))
    return json.loads(out)


def replayed(path, *events):
    again = os.path.join(temp_dir(), "again")
    run([PROCTRAIL, "trace", "--json", *events, "-o", again, "-r", path], seconds=60)
    return Stream(again)


def by_reason(stream, reason):
    return sum(e["count"] for e in stream.of("lost") if e["reason"] == reason)


def births(stream):
    return {e["id"] for e in stream.of("fork")}


def segments(path):
    try:
        return sorted(f for f in os.listdir(path) if f.endswith((".trail", ".open")))
    except FileNotFoundError:
        return []

def small_disk(size="1M"):
    d = os.path.join(temp_dir(), "small")
    os.mkdir(d)
    rc, _, err = run(["mount", "-t", "tmpfs", "-o", "size=" + size, "proctrail-test", d])
    if rc:
        raise Skip("no tmpfs here: %s" % err.decode(errors="replace").strip())
    at_end(lambda: subprocess.run(["umount", "-l", d]))
    return d


class Recorded:
    """A trace that records into a directory, of a shell whose storms are told one by one."""

    def __init__(self, rec, *opts):
        self.rec, d = rec, temp_dir()
        self.live, self.errors = os.path.join(d, "live"), os.path.join(d, "errors")
        with open(self.errors, "wb") as err:
            self.proc = start([PROCTRAIL, "trace", *FEW, "-o", self.live, "-w", rec + "/", *opts, "--", "bash"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err)

    def sh(self, command):
        self.proc.stdin.write(command.encode() + b" >/dev/null; echo done\n")
        self.proc.stdin.flush()
        expect("what the shell says", b"done\n", self.proc.stdout.readline())

    def storm(self, count):
        self.sh(" ".join(gen("storm", "--count", count)))

    def said(self):
        with open(self.errors) as f:
            return f.read()

    def until_written(self, size=1):
        def is_there():
            return any(os.path.getsize(os.path.join(self.rec, f)) >= size for f in segments(self.rec))
        until("something is recorded", is_there)

    def end(self):
        """The live answer; in the kernel nothing may be lost, and the recorder ends in good order."""
        self.proc.stdin.close()
        rc = self.proc.wait(60)
        expect("exit status, and what it said: %s" % self.said(), 0, rc)
        s = Stream(self.live)
        expect("lost in the kernel", (0, 0), (s.summary["lost"], s.summary["missed"]))
        return s


def expect_counted(s, rec):
    """Nothing is damaged; births that are missing are counted; the last ones are there again."""
    again, i = replayed(rec, *FEW), info(rec)
    gap = by_reason(again, "disk")
    expect("damaged places", 0, i["damaged"])
    expect("what the gap counts", i["unkept"], gap)
    missing = births(s) - births(again)
    expect_true("%d births are missing, %d records are counted" % (len(missing), gap), len(missing) <= gap)
    expect_true("its end was recorded", s.of("fork")[-1]["id"] in births(again))

# ---- kill -9 on a quiet host ------------------------------------------------------------------


def killed_once(wait_s):
    """One thing every 300 ms, and then the recorder is killed; all but the last 1.5 s must be there."""
    d = temp_dir()
    # in memory: what a busy disk takes for the block before is not the recorder's doing
    log, rec = os.path.join(d, "log"), os.path.join(small_disk("16M"), "rec")
    # The shell's own births are the deeds; it says the boottime of each before and behind.
    quiet = ("import os, subprocess, time\n"
             "log = os.open(%r, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
             "for i in range(200):\n"
             "    p = subprocess.Popen(['/bin/true']); p.wait()\n"
             "    os.write(log, b'%%d %%d\\n' %% (p.pid, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))\n"
             "    time.sleep(0.3)\n" % log)
    tool = os.path.join(d, "quiet.py")
    with open(tool, "w") as f:
        f.write(quiet)
    p = start([PROCTRAIL, "trace", "-o", "/dev/null", "-w", rec + "/", "--max-size", "8M", "--", "python3", tool],
              stderr=subprocess.DEVNULL, start_new_session=True)
    at_end(lambda: stop_group(p.pid))
    until("something has been done", lambda: os.path.exists(log) and os.path.getsize(log) > 0, seconds=30)
    time.sleep(wait_s)
    p.send_signal(signal.SIGKILL)
    p.wait()
    killed_ns = boot_ns()
    with open(log) as f:
        done = [tuple(map(int, line.split())) for line in f]
    there = {e["pid"] for e in replayed(rec).of("reap")}
    missing = [(killed_ns - ns) // 1000000 for pid, ns in done if pid not in there]
    expect_true("there was something to keep", len(done) >= 5, done)
    expect_true("it is missing, and was done longer ago than 1.5 s", max(missing, default=0) <= 1500,
                "ms before the kill: %s" % missing)
    expect("damaged places", 0, info(rec)["damaged"])


def stop_group(pgid):
    """The workload outlives the recorder: it is in the recorder's group, which this test has made."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@test(seconds=400)
def killed_on_a_quiet_host_costs_the_last_second():
    for i in range(20 if LONG else 1):
        killed_once(3 + 0.137 * i)

# ---- a disk that stops answering --------------------------------------------------------------


class Stalling:
    """A FUSE file system that can stop answering, on a directory of its own."""

    def __init__(self):
        self.dir = os.path.join(temp_dir(), "mnt")
        os.mkdir(self.dir)
        # not by start(): it has to unmount when the test is over, and does at the end of its input
        self.proc = subprocess.Popen([os.path.join(LOAD, "fuse_stall"), self.dir], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        at_end(self.end)
        if self.proc.stdout.readline() != b"ready\n":
            raise Skip("no FUSE here: %s" % self.proc.stderr.read().decode(errors="replace").strip())

    def say(self, word, answer):
        self.proc.stdin.write(word + b"\n")
        self.proc.stdin.flush()
        expect("what the file system says", answer + b"\n", self.proc.stdout.readline())

    def stop(self):
        self.say(b"stop", b"stopped")

    def go(self):
        self.say(b"go", b"going")

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()


@test(seconds=200)
def a_disk_that_stops_answering_costs_the_kernel_nothing():
    if not os.path.exists(os.path.join(LOAD, "fuse_stall")):
        raise Skip("fuse_stall is not built")
    disk, trail = Stalling(), os.path.join(temp_dir(), "trail")
    r = Recorded(disk.dir)
    r.storm(500)
    r.until_written(1000)
    disk.stop()
    stopped = time.monotonic()
    while time.monotonic() - stopped < (30 if LONG else 6):
        r.storm(300)
        time.sleep(0.2)	# below what a recorder thins: every life is to be kept, or counted
    disk.go()
    until("it goes on", lambda: "is written again" in r.said())
    r.storm(500)
    s = r.end()
    shutil.copytree(disk.dir, trail)
    expect_counted(s, trail)
    expect_true("it says so, once", r.said().count("cannot write to") == 1, r.said())

# ---- a disk that is full ----------------------------------------------------------------------


def fill(path):
    """Takes all the room there is."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(fd, bytes(4096)):
            pass
    except OSError:
        os.close(fd)


@test(seconds=120)
def a_full_disk_is_told_once_and_waited_for():
    d = small_disk()
    r = Recorded(os.path.join(d, "rec"), "--max-size", "16M", "--on-disk-full", "pause")
    r.storm(500)
    r.until_written()
    fill(os.path.join(d, "other"))
    until("it says so", lambda: r.storm(500) or "No space left" in r.said(), seconds=20)
    os.unlink(os.path.join(d, "other"))
    until("it goes on", lambda: r.storm(100) or "is written again" in r.said(), seconds=20)
    r.storm(500)
    s = r.end()
    expect_counted(s, r.rec)
    expect_true("it says so, once", r.said().count("cannot write to") == 1, r.said())


@test(seconds=120)
def a_full_disk_cuts_a_file_and_says_so():
    trail, live = os.path.join(small_disk("256k"), "t.trail"), os.path.join(temp_dir(), "live")
    rc, _, said = run([PROCTRAIL, "trace", *FEW, "-o", live, "-w", trail, "--",
                       *gen("storm", "--count", 30000)], seconds=90)
    s, again = Stream(live), replayed(trail, *FEW)
    expect("births that were traced, and lost records", (30000, 0), (len(births(s)), s.summary["lost"]))
    expect_true("it says so", b"No space left" in said and b"cannot finish the recording" in said, said)
    expect("damaged places", 0, info(trail)["damaged"])
    kept = [e for e in again.of("fork", "lost")]
    before_gap = kept[:next((n for n, e in enumerate(kept) if e["event"] == "lost"), len(kept))]
    expect_true("something was kept", len(before_gap) > 1000, len(before_gap))
    expect_true("what was kept before the gap is what was", before_gap == s.of("fork")[:len(before_gap)])
    expect_true("and behind it nothing else", births(again) <= births(s))
    expect_true("a recording that lacks its end is no success", rc != 0, rc)


@test(seconds=60)
def dev_full_is_not_taken_for_an_answer():
    trail = os.path.join(temp_dir(), "t.trail")
    run([PROCTRAIL, "trace", "-o", "/dev/null", "-w", trail, "--", "/bin/true"])
    for cmd, failed in ((["trace", "--json", "-r", trail], 1), (["tree", "-r", trail], 1),
                        (["info", "-r", trail], 1), (["trace", "--json", "--", "/bin/true"], 125)):
        with open("/dev/full", "w") as full:
            rc, _, err = run([PROCTRAIL, *cmd], stdout=full)
        expect_true("%s says so" % cmd[0], b"No space left" in err, err)
        expect("%s: exit status" % " ".join(cmd[:3]), failed, rc)
    rc, _, err = run([PROCTRAIL, "trace", "-w", "/dev/full", "--", "/bin/true"])
    expect("a device as a trail", 125, rc)

# ---- a directory that is removed ----------------------------------------------------------------


@test(seconds=60)
def a_removed_directory_is_made_again():
    r = Recorded(os.path.join(temp_dir(), "rec"))
    r.storm(30)
    r.until_written()
    shutil.rmtree(r.rec)
    until("the directory is there again", lambda: r.storm(5) or segments(r.rec))
    r.storm(30)
    s = r.end()
    again = births(replayed(r.rec, *FEW))
    expect_true("what came later is there", {e["id"] for e in s.of("fork")[-25:]} <= again, r.said())
    expect("damaged places", 0, info(r.rec)["damaged"])

# ---- readers while it is written ----------------------------------------------------------------


@test(seconds=120)
def readers_find_it_whole_while_it_rotates():
    rec = os.path.join(temp_dir(), "rec")
    p = start([PROCTRAIL, "trace", "-o", "/dev/null", "-w", rec + "/", "--max-size", "1M", "--sync", "50ms",
               "--", *gen("storm", "--count", 200000 if LONG else 40000)],
              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("something is recorded", lambda: segments(rec), seconds=30)
    seen, rounds = set(), 0
    while p.poll() is None:
        readers = [start([PROCTRAIL, "trace", *FEW, "-o", "/dev/null", "-r", rec], stderr=subprocess.PIPE)
                   for _ in range(2)]
        seen.update(segments(rec))
        for r in readers:
            err = r.stderr.read()
            expect("a reader's exit status and complaints", (0, b""), (r.wait(30), err))
        rounds += 1
    expect("the recorder's exit status", 0, p.returncode)
    i = info(rec)
    expect("damaged places", 0, i["damaged"])
    expect_true("it was read while it rotated", rounds >= 2 and len(seen) >= 2, rounds, seen)
