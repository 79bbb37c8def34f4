# SPDX-License-Identifier: GPL-2.0-only
"""Trails: what is recorded answers later as it was answered live."""
import datetime
import json
import os
import signal
import subprocess

from lib import PROCTRAIL, expect, expect_true, gen, run, start, temp_dir, test, until


def same(what, live, replayed):
    with open(live, "rb") as a, open(replayed, "rb") as b:
        for n, (x, y) in enumerate(zip(a, b), 1):
            expect("%s, line %d" % (what, n), x, y)
        expect("%s: lines more" % what, (b"", b""), (a.read(), b.read()))


def recorded(*cmd, opts=()):
    """A live answer, its trail, and the same asked of the trail: (live, trail, replayed)."""
    d = temp_dir()
    live, trail, again = (os.path.join(d, x) for x in ("live", "t.trail", "again"))
    run([PROCTRAIL, "trace", "--json", "-o", live, "-w", trail, *opts, "--", *cmd], seconds=60)
    run([PROCTRAIL, "trace", "--json", "-o", again, "-r", trail], seconds=60,
        env=dict(os.environ, TZ="Asia/Kolkata", LC_ALL="C"))
    return live, trail, again


@test(seconds=90)
def replay_equals_live():
    live, _, again = recorded("sh", "-c", "for i in 1 2 3; do /bin/true; (exit $i); done; ls / >/dev/null")
    same("commands", live, again)


@test(seconds=120)
def replay_equals_live_in_a_storm():
    live, trail, again = recorded(*gen("storm", "--count", 40000))
    same("storm", live, again)
    info = json.loads(run([PROCTRAIL, "info", "--json", "-r", trail])[1])
    expect("births recorded", 40000, info["fork"])
    expect("damaged places", 0, info["damaged"])
    per_event = os.path.getsize(trail) / info["records"]
    expect_true("%.1f bytes an event" % per_event, per_event <= 14)


@test(seconds=120)
def replay_equals_live_with_losses():
    live, _, again = recorded(*gen("storm", "--count", 20000), opts=["--ring", "64K"])
    same("small ring", live, again)


@test(seconds=90)
def a_piece_answers_like_the_whole():
    d = temp_dir()
    live, trail, _ = recorded("sh", "-c", "for i in 1 2 3 4; do sleep 0.2; /bin/true; done")
    times = [json.loads(x)["ts"] for x in open(live) if '"event":"exec"' in x]
    part, piece, again = (os.path.join(d, x) for x in ("part", "piece.trail", "again"))
    run([PROCTRAIL, "trace", "--json", "-r", trail, "--from", times[3], "-o", part, "-w", piece])
    run([PROCTRAIL, "trace", "--json", "-r", piece, "-o", again])

    def lines(path):
        return [x for x in open(path) if '"event":"start"' not in x]
    expect("the piece", lines(part), lines(again))
    tail = [x for x in open(live) if '"ts":"%s"' % times[3] in x]
    expect_true("it begins where it was asked to", lines(part)[0] in tail, lines(part)[0], tail)


@test(seconds=90)
def a_recording_is_narrowed_as_the_kernel_does():
    d = temp_dir()
    trail, all_of_it = os.path.join(d, "t.trail"), os.path.join(d, "all")
    run([PROCTRAIL, "trace", "--json", "-o", all_of_it, "-w", trail, "--",
         "sh", "-c", "sh -c '(/bin/true; exit 3); kill -USR1 $PPID' & trap : USR1; wait; wait; /bin/true"])
    execs = [json.loads(x) for x in open(all_of_it) if '"event":"exec"' in x]
    inner = next(e["pid"] for e in execs if e["args"][2:] and e["args"][2].startswith("(/bin"))
    births = [json.loads(x) for x in open(all_of_it) if '"event":"fork"' in x]
    family = {inner}
    for b in births:
        if b["birth_ppid"] in family:
            family.add(b["pid"])
    outer = {b["pid"] for b in births} - family
    expect_true("both kinds are there", len(family) > 1 and outer, family, outer)
    narrowed = run([PROCTRAIL, "trace", "--json", "--signals", "-r", trail, "--pid", str(inner)])[1]
    shown = [json.loads(x) for x in narrowed.splitlines()]
    pids = {e["pid"] for e in shown if e["event"] in ("fork", "exec", "exit", "zombie", "reap")}
    expect("whose lines", family, pids)
    code, _, said = run([PROCTRAIL, "trace", "-r", trail, "--pid", "4194303"])
    expect("code for nobody", 1, code)
    expect_true("it says so", b"no process in the recording has pid 4194303" in said, said)


@test(seconds=120)
def two_readers_follow_while_it_rotates():
    d = temp_dir()
    record = os.path.join(d, "rec")
    shell = start(["sh"], stdin=subprocess.PIPE)
    recorder = start([PROCTRAIL, "record", "--pid", str(shell.pid), "-w", record, "--max-size", "8M"])
    until("it records", lambda: os.path.exists(os.path.join(record, "0000000001.open")))
    outs = [os.path.join(d, "follow%d" % i) for i in range(2)]
    readers = [start([PROCTRAIL, "trace", "--json", "-r", record, "--follow", "-o", o]) for o in outs]
    for i in range(5):
        shell.stdin.write(b"for i in 1 2 3 4 5 6; do /bin/true; (exit $i); done\n")
        shell.stdin.flush()
        segments = len(os.listdir(record))
        recorder.send_signal(signal.SIGHUP)
        until("another segment", lambda: len(os.listdir(record)) > segments)
    shell.stdin.write(b"/bin/echo the-last-word\n")
    shell.stdin.flush()
    for o in outs:
        until("the end comes", lambda: b"the-last-word" in open(o, "rb").read())
    shell.stdin.close()
    shell.wait(timeout=20)
    recorder.send_signal(signal.SIGTERM)
    recorder.wait(timeout=20)
    for r in readers:
        r.send_signal(signal.SIGINT)
        expect("a reader's end", 0, r.wait(timeout=20))
    whole = run([PROCTRAIL, "trace", "--json", "-r", record])[1].splitlines()
    last = next(i for i, x in enumerate(whole) if b'"event":"exec"' in x and b"the-last-word" in x)
    expect_true("it was rotated", len(os.listdir(record)) > 5, os.listdir(record))
    for o in outs:
        followed = open(o, "rb").read().splitlines()
        expect("lines up to the last word", whole[:last + 1], followed[:last + 1])


@test(seconds=90)
def the_health_of_then_and_the_tree_of_a_span():
    d = temp_dir()
    live, trail = os.path.join(d, "live"), os.path.join(d, "t.trail")
    leak = "import os, time\nfor i in range(5): os.fork() or os._exit(i)\ntime.sleep(2.5)"
    run([PROCTRAIL, "tree", "--json", "-o", live, "-w", trail, "--", "python3", "-c", leak], seconds=60)
    again = run([PROCTRAIL, "tree", "--json", "-r", trail, "--from", "2020-01-01"])[1]
    with open(live, "rb") as f:
        expect("the tree of all who lived", f.read(), again)
    marks = [json.loads(x) for x in run([PROCTRAIL, "trace", "--json", "-r", trail])[1].splitlines()]
    last = [x["ts"] for x in marks if x["event"] == "zombie"][4]
    late = (datetime.datetime.fromisoformat(last[:26]) + datetime.timedelta(seconds=1.5)).isoformat() + "Z"
    found = [json.loads(x) for x in run([PROCTRAIL, "--json", "-r", trail, "--at", late])[1].splitlines()]
    expect("zombies then", [5], [x["zombies"] for x in found if x["event"] == "health"])
    expect("whose", [5], [x["count"] for x in found if x["event"] == "finding" and x["kind"] == "zombies"])
    expect_true("who was running is not told", not any("running" in x for x in found), found)


def snapshots_in(record):
    d = os.path.join(record, "snapshots")
    return sorted(x for x in os.listdir(d) if x.endswith(".trail")) if os.path.isdir(d) else []


@test(seconds=90)
def snapshots_keep_what_surrounds_an_incident():
    record = os.path.join(temp_dir(), "rec")
    shell = start(["sh"], stdin=subprocess.PIPE)
    recorder = start([PROCTRAIL, "record", "--pid", str(shell.pid), "-w", record, "--trigger", "exit:sh=3",
                      "--before", "10s", "--after", "1s"], stderr=subprocess.PIPE)
    until("it records", lambda: os.path.exists(os.path.join(record, "0000000001.open")))
    shell.stdin.write(b"sleep 1.5; ls / >/dev/null; sh -c 'exit 3'; sh -c 'exit 3'; sleep 0.5; ls /etc >/dev/null\n")
    shell.stdin.flush()
    until("the trigger fires", lambda: snapshots_in(record), seconds=20)
    recorder.send_signal(signal.SIGUSR1)
    until("another is asked for", lambda: len(snapshots_in(record)) == 2, seconds=20)
    recorder.send_signal(signal.SIGTERM)
    said = recorder.communicate(timeout=20)[1]
    expect("the recorder's end", 0, recorder.returncode)
    shell.stdin.close()
    names = snapshots_in(record)
    expect("why", ["exit-sh", "asked"], [x[17:-6] for x in names])
    for name in names:
        path = os.path.join(record, "snapshots", name)
        expect_true("it is said where", path.encode() in said, said)
        expect("mode of " + name, 0o640, os.stat(path).st_mode & 0o777)
        lines = [json.loads(x) for x in run([PROCTRAIL, "trace", "--json", "-r", path])[1].splitlines()]
        execs = [" ".join(x["args"]) for x in lines if x["event"] == "exec"]
        expect("before, the incident, after",
               ["sleep 1.5", "ls /", "sh -c exit 3", "sh -c exit 3", "sleep 0.5", "ls /etc"], execs)


@test(seconds=90)
def a_trigger_while_another_is_on_its_way_is_in_it():
    record = os.path.join(temp_dir(), "rec")
    shell = start(["sh"], stdin=subprocess.PIPE)
    recorder = start([PROCTRAIL, "record", "--pid", str(shell.pid), "-w", record, "--trigger", "exit:sh=3",
                      "--trigger", "exit:sh=4", "--before", "10s", "--after", "2s"], stderr=subprocess.PIPE)
    until("it records", lambda: os.path.exists(os.path.join(record, "0000000001.open")))
    shell.stdin.write(b"sleep 1\n")  # by then the shell is known to be in the scope
    shell.stdin.write(b"sh -c 'exit 3'; sleep 1.5; sh -c 'exit 4'; sleep 1.5; ls / >/dev/null; sleep 0.1\n")
    shell.stdin.flush()
    until("it is cut", lambda: snapshots_in(record), seconds=20)
    recorder.send_signal(signal.SIGTERM)
    said = recorder.communicate(timeout=20)[1]
    shell.stdin.close()
    expect("one for both", 1, len(snapshots_in(record)))
    expect_true("it is said", b"goes on for 'exit-sh'" in said, said)
    path = os.path.join(record, "snapshots", snapshots_in(record)[0])
    lines = [json.loads(x) for x in run([PROCTRAIL, "trace", "--json", "-r", path])[1].splitlines()]
    expect("both, and what came after the second",
           ["sh -c exit 3", "sleep 1.5", "sh -c exit 4", "sleep 1.5", "ls /"],
           [x for x in (" ".join(x["args"]) for x in lines if x["event"] == "exec") if x != "sleep 1"][:5])


@test(seconds=90)
def killed_recorder_keeps_all_but_the_last_second():
    d = os.path.join(temp_dir(), "rec")
    p = start([PROCTRAIL, "trace", "--json", "-o", "/dev/null", "-w", d + "/", "--",
               "sh", "-c", "for i in $(seq 80); do sleep 0.05; done"])

    def grown():
        try:
            return any(os.path.getsize(os.path.join(d, f)) > 3000 for f in os.listdir(d) if f.endswith(".open"))
        except OSError:
            return False
    until("something is written", grown, seconds=30)
    p.send_signal(signal.SIGKILL)
    p.wait()
    info = json.loads(run([PROCTRAIL, "info", "--json", "-r", d])[1])
    expect("damaged places", 0, info["damaged"])
    expect_true("births are there", info["fork"] > 3)


@test(seconds=60)
def a_recording_is_never_overwritten():
    trail = os.path.join(temp_dir(), "t.trail")
    with open(trail, "w") as f:
        f.write("evidence")
    p = subprocess.run([PROCTRAIL, "trace", "-w", trail, "--", "/bin/true"], capture_output=True, text=True)
    expect("exit status", 125, p.returncode)
    expect_true("it says so", "never overwritten" in p.stderr, p.stderr)
    expect("what it held", "evidence", open(trail).read())
