# SPDX-License-Identifier: GPL-2.0-only
"""What the live tests share: registering, comparing, running proctrail on a generator, reading both."""
import base64
import collections
import errno
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD") or os.path.join(HERE, "../../build")
PROCTRAIL = os.environ.get("PROCTRAIL") or os.path.join(BUILD, "proctrail")
PROCTRAIL = os.path.abspath(PROCTRAIL)
LOAD = os.path.abspath(os.environ.get("LOAD") or os.path.join(BUILD, "load"))
NOBODY = 65534

# ---- tests and their verdicts ------------------------------------------------------------------

TESTS = []
Test = collections.namedtuple("Test", "name function seconds tracing")


class Failed(Exception):
    """str: why, in a line; sides: what was wanted and what came, to be shown"""

    def __init__(self, why, *sides):
        super().__init__(why.replace("\n", " "))
        self.sides = [s for side in sides for s in str(side).split("\n")]


class Skip(Exception):
    pass


def test(seconds=60, tracing=True):
    """Registers a test; its name is its file's theme and its function's name."""
    def register(f):
        theme = f.__module__.replace("test_", "")
        TESTS.append(Test("%s: %s" % (theme, f.__name__.replace("_", " ")), f, seconds, tracing))
        return f
    return register


def expect(what, want, got):
    if want != got:
        raise Failed("%s is not as it should be" % what, "wanted: %r" % (want,), "got:    %r" % (got,))


def expect_true(why, ok, *sides):
    if not ok:
        raise Failed(why, *sides)


class Mismatches:
    """Collects differences and fails once, with the first of them, when the block ends."""

    def __init__(self, what):
        self.what, self.found = what, []

    def __enter__(self):
        return self

    def same(self, where, want, got):
        if want != got:
            self.found.append("%s: wanted %r, got %r" % (where, want, got))
        return want == got

    def true(self, where, ok, *sides):
        if not ok:
            self.found.append(" ".join([where] + [str(s) for s in sides]))
        return ok

    def __exit__(self, kind, value, trace):
        if kind is None and self.found:
            more = len(self.found) - 12
            raise Failed("%s: %d differences" % (self.what, len(self.found)), *self.found[:12],
                         *(["and %d more" % more] if more > 0 else []))


def deadline_set(seconds):
    def late(_sig, _frame):
        raise Failed("not done after %d s" % seconds)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)


def until(what, true, seconds=10):
    """Waits for something that cannot wake us, and returns its first true value."""
    end = time.monotonic() + seconds
    while True:
        v = true()
        if v:
            return v
        if time.monotonic() > end:
            raise Failed("did not happen within %d s: %s" % (seconds, what))
        time.sleep(0.01)


def why_not_here():
    p = subprocess.run([PROCTRAIL, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode == 3:
        return "no tracing here: %s" % (p.stdout.decode().split("\n")[0] or p.stderr.decode()[:80])
    return None

# ---- what is cleaned up after each test --------------------------------------------------------


_started, _cleaners = [], []


def clean_up():
    """Ends what the test has started and not awaited, by pid, and removes what it has made."""
    for p in _started:
        if p.poll() is None:
            p.kill()
            p.send_signal(signal.SIGCONT)
            p.wait()
    for f in reversed(_cleaners):
        f()
    del _started[:], _cleaners[:]


def at_end(f):
    _cleaners.append(f)


def temp_dir():
    d = tempfile.mkdtemp(prefix="proctrail-live-")
    at_end(lambda: shutil.rmtree(d, ignore_errors=True))
    return d


def start(cmd, **popen):
    p = subprocess.Popen(cmd, **popen)
    _started.append(p)
    return p


def run(cmd, seconds=30, **popen):
    """Runs to the end; returns (exit code or -signal, stdout, stderr)."""
    kept = {k: popen.pop(k, subprocess.PIPE) for k in ("stdout", "stderr")}
    p = start(cmd, stdin=popen.pop("stdin", subprocess.DEVNULL), **kept, **popen)
    try:
        out, err = p.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        raise Failed("%s did not end within %d s" % (" ".join(map(str, cmd))[:200], seconds),
                     "stdout: %s" % (out or b"")[-400:].decode(errors="replace"),
                     "stderr: %s" % (err or b"")[-400:].decode(errors="replace"))
    return p.returncode, out, err


def gen(name, *args):
    return [os.path.join(LOAD, name), *map(str, args)]


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

# ---- JSON lines --------------------------------------------------------------------------------


def _no_twins(pairs):
    d = dict(pairs)
    if len(d) != len(pairs):
        raise ValueError("a name comes twice")
    return d


def parse_line(line):
    """One line of proctrail's JSON, strictly: UTF-8, one flat object, nothing raw, NL at its end."""
    try:
        if not line.endswith(b"\n"):
            raise ValueError("the line is cut")
        if any(c < 0x20 or c == 0x7f for c in line[:-1]):
            raise ValueError("a raw control byte")
        o = json.loads(line.decode("utf-8"), object_pairs_hook=_no_twins)
        if "event" not in o:
            raise ValueError("no event")
        for k, v in o.items():
            if isinstance(v, dict) or v is None:
                raise ValueError("%s is not flat" % k)
        return o
    except ValueError as e:
        raise Failed("a line of JSON is not right: %s" % e, repr(line[:600]))


def events_of(path):
    """All lines of a stream, one by one: a storm does not fit into memory comfortably."""
    with open(path, "rb") as f:
        for line in f:
            yield parse_line(line)


def raw_bytes(o, name):
    """The exact bytes behind a JSON string or list of strings."""
    if name + "_b64" in o:
        v = o[name + "_b64"]
        return [base64.b64decode(x) for x in v] if isinstance(v, list) else base64.b64decode(v)
    v = o.get(name)
    if v is None:
        return None
    return [x.encode("utf-8") for x in v] if isinstance(v, list) else v.encode("utf-8")

# ---- one trace ---------------------------------------------------------------------------------


class Life:
    """All that was told of one process (one id), by event."""

    def __init__(self, id):
        self.id, self.by = id, collections.defaultdict(list)

    def __getattr__(self, event):
        if event.startswith("_"):
            raise AttributeError(event)
        return self.by[event]

    def first(self, event):
        return self.by[event][0] if self.by[event] else {}

    @property
    def fate(self):
        return fate_of_event(self.first("exit"))

    def __repr__(self):
        return "%s: %s" % (self.id, " ".join("%s x%d" % (k, len(v)) for k, v in self.by.items() if v))


def fate_of_event(e):
    """(exit code, signal, core) of an exit event"""
    return (e.get("exit_code"), e.get("signal"), e.get("core_dumped"))


def fate_of_truth(t):
    return (t.get("exit_code"), t.get("signal"), t.get("core_dumped"))


class Stream:
    """A whole JSON stream in memory."""

    def __init__(self, path):
        self.events = list(events_of(path))
        self.lives = {}
        for e in self.events:
            if "id" in e:
                self.lives.setdefault(e["id"], Life(e["id"])).by[e["event"]].append(e)
        self._by_pid = collections.defaultdict(list)
        for life in self.lives.values():
            _, pid, start_ns = life.id.split(".")
            self._by_pid[int(pid)].append((int(start_ns), life))
        for lives in self._by_pid.values():
            lives.sort(key=lambda x: x[0])
        expect("the first line", "start", self.events[0]["event"])
        expect("the last line", "summary", self.events[-1]["event"])
        self.summary = self.events[-1]

    def of(self, *kinds):
        return [e for e in self.events if e["event"] in kinds]

    def all_of_pid(self, pid):
        return [life for _, life in self._by_pid[pid]]

    def life(self, pid, start_ns=0):
        """The life of pid that began first after start_ns, which truth logs take before the call."""
        for began, life in self._by_pid[pid]:
            if began >= start_ns:
                return life
        raise Failed("process %d is not in the trace" % pid, "in it: %s" % sorted(self._by_pid)[:60])

    def expect_complete(self):
        s = self.summary
        # A free that the kernel did not tell is put right by a pass, and then the mark says so.
        expect("loss and completeness", (0, 0, not s["healed"]), (s["lost"], s["missed"], s["complete"]))


class Traced(Stream):
    def __init__(self, path, code, truth, messages):
        super().__init__(path)
        self.code, self.truth, self.messages = code, truth, messages

    def did(self, *deeds):
        return [t for t in self.truth if t["do"] in deeds]

    def expect_counts(self):
        """Births and deaths equal the generator's, the generator itself not counted."""
        end = self.did("end")[-1]
        forks, exits = (self.processes(k) for k in ("fork", "exit"))
        expect("(births, deaths)", (end["births"], end["deaths"]), (len(forks), len(exits) - 1))

    def processes(self, kind):
        return [e for e in self.of(kind) if "tid" not in e]


def truth_and_messages(*texts):
    truth, messages = [], []
    for line in b"".join(texts).split(b"\n"):
        if line.startswith(b'{"do"'):
            truth.append(json.loads(line))
        elif line:
            messages.append(line.decode(errors="replace"))
    return truth, messages


def trace(cmd, *opts, seconds=25, code=0):
    """proctrail trace --json OPTS -- CMD, to its end."""
    out = os.path.join(temp_dir(), "out")
    rc, so, se = run([PROCTRAIL, "trace", "--json", "-o", out, *opts, "--", *cmd], seconds)
    truth, messages = truth_and_messages(so, se)
    if code is not None and rc != code:
        raise Failed("proctrail ended with %s, not %s" % (rc, code), *messages[-10:])
    return Traced(out, rc, truth, messages)

# ---- a subtree under remote control ------------------------------------------------------------


class Bench:
    """A bash that does what it is told, whose truth logs come back line by line."""

    def __init__(self, *wrapper):
        self.proc = start([*wrapper, "bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
        self.pending = b""

    def sh(self, command):
        self.proc.stdin.write(command.encode() + b"\n")
        self.proc.stdin.flush()

    def wait(self, deed, seconds=20):
        """Reads truth until the deed, and returns it."""
        end = time.monotonic() + seconds
        while True:
            line, nl, rest = self.pending.partition(b"\n")
            if nl:
                self.pending = rest
                if line.startswith(b'{"do"') and json.loads(line)["do"] == deed:
                    return json.loads(line)
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.proc.stdout], [], [], left)[0]:
                raise Failed("'%s' did not come within %d s" % (deed, seconds))
            got = os.read(self.proc.stdout.fileno(), 65536)
            if not got:
                raise Failed("the shell ended before '%s'" % deed)
            self.pending += got

    def end(self, seconds=20):
        self.proc.stdin.close()
        try:
            self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed("proctrail or its CMD did not end within %d s" % seconds)
        return self.proc.returncode

# ---- /proc and BPF -----------------------------------------------------------------------------


def proc_stat(pid):
    """(state, ppid), or None for nobody"""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            words = f.read().rpartition(b")")[2].split()
        return words[0].decode(), int(words[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def descendants(pid):
    """{pid: state} of everybody below pid"""
    stats = {int(d): proc_stat(int(d)) for d in os.listdir("/proc") if d.isdigit()}
    found, todo = {}, [pid]
    while todo:
        parent = todo.pop()
        kids = [p for p, s in stats.items() if s and s[1] == parent]
        found.update({p: stats[p][0] for p in kids})
        todo += kids
    return found


def bpf_ids(pid):
    """{'prog': ids, 'map': ids, 'link': ids} that a process holds open"""
    ids = collections.defaultdict(set)
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        try:
            with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
                for line in f:
                    name, _, v = line.partition(":")
                    if name in ("prog_id", "map_id", "link_id"):
                        ids[name[:-3]].add(int(v))
        except FileNotFoundError:
            pass
    return ids


def bpftool(*args):
    tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    if not os.path.exists(tool):
        raise Skip("bpftool is not installed")
    rc, out, err = run([tool, "-j", *map(str, args)])
    return json.loads(out) if rc == 0 and out else []

# ---- terminals ---------------------------------------------------------------------------------


def on_terminal(cmd, columns=80, rows=24, seconds=30, env=None, feed=None):
    """Runs on a terminal of its own; returns (exit code, the bytes that reached the terminal)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environ = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
    environ.pop("COLUMNS", None)
    p = start(cmd, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE, env=environ)
    os.close(slave)
    try:
        out = _read_terminal(p, master, seconds, feed)
        p.wait(5)
    finally:
        os.close(master)
    return p.returncode, out


def _read_terminal(p, master, seconds, feed):
    out, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if feed:
            feed(p, out)
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            got = os.read(master, 65536)
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            return out
        if not got:
            return out
        out += got
    raise Failed("%s did not end within %d s" % (" ".join(p.args), seconds), out[-600:].decode(errors="replace"))
