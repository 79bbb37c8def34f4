# SPDX-License-Identifier: GPL-2.0-only
"""What systemd does with our unit before it starts the program, by hand: for machines without it.

sandbox.py UNIT DIR GID CAPABILITIES -- CMD...   CMD as the unit would run it, DIR being its StateDirectory
"""
import ctypes
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.path.join(HERE, "../../service/proctrail.service.in")

PR_SET_NO_NEW_PRIVS = 38
SCMP_ACT_ALLOW, SCMP_ACT_ERRNO = 0x7fff0000, 0x00050000
EPERM, ENOSYS = 1, 38


def settings(path=UNIT):
    """[(name, value)] of the section Service, in their order"""
    section, found = None, []
    with open(path) as f:
        for line in map(str.strip, f):
            if line.startswith("["):
                section = line
            elif section == "[Service]" and line and line[0] not in "#;":
                found.append(tuple(line.split("=", 1)))
    return found


def setting(name, path=UNIT):
    values = [v for n, v in settings(path) if n == name]
    return values[-1] if values else None


def capabilities(path=UNIT):
    return setting("CapabilityBoundingSet", path).split()


def group_of_calls(name):
    """The system calls of a group; groups in it resolved"""
    out = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    words = [w for line in out.stdout.splitlines()[1:] if "#" not in line for w in line.split()]
    return {c for w in words for c in (group_of_calls(w) if w[0] == "@" else [w])}


def allowed_calls(path=UNIT):
    """SystemCallFilter=: the first line allows, later ones take away (~) or add"""
    calls = group_of_calls("@default")
    for value in (v for n, v in settings(path) if n == "SystemCallFilter"):
        named = set()
        for word in value.lstrip("~").split():
            named |= group_of_calls(word) if word[0] == "@" else {word}
        calls = calls - named if value[0] == "~" else calls | named
    return calls


def filter_calls(calls):
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    ctx = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(SCMP_ACT_ERRNO | EPERM)))

    def rule(action, name):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:	# not on this architecture
            return
        if seccomp.seccomp_rule_add(ctx, ctypes.c_uint32(action), number, 0):
            raise OSError("no rule for %s" % name)
    for name in calls - {"clone3"}:
        rule(SCMP_ACT_ALLOW, name)
    rule(SCMP_ACT_ERRNO | ENOSYS, "clone3")	# RestrictNamespaces= cannot look into its arguments
    if seccomp.seccomp_load(ctx):
        raise OSError("the filter is refused")


def read_only(state):
    """ProtectSystem=strict, ProtectKernelTunables=, ProtectControlGroups=: in a mount namespace of our own"""
    def mount(*args):
        subprocess.run(["mount", *args], check=True)
    mount("--bind", state, state)
    mount("--bind", "/proc/sys", "/proc/sys")
    with open("/proc/self/mountinfo") as f:
        mounts = [line.split()[4] for line in f]
    for m in mounts:
        if m == "/" or m == "/proc/sys" or (m + "/").startswith("/sys/"):
            mount("-o", "remount,bind,ro", m)


def enter(unit, state, gid, caps, cmd):
    os.umask(int(setting("UMask", unit), 8))
    read_only(state)
    bounding = ",".join(["-all"] + ["+" + c.lower().replace("cap_", "") for c in caps])
    inner = [sys.executable, os.path.abspath(__file__), "--filtered", unit, *cmd]
    os.execvp("setpriv", ["setpriv", "--regid", gid, "--clear-groups", "--bounding-set", bounding,
                          "--inh-caps", "-all", "--no-new-privs", *inner])


def main(argv):
    if argv[0] == "--filtered":
        filter_calls(allowed_calls(argv[1]))
        os.execv(argv[2], argv[2:])
    unit, state, gid, caps, _ = argv[:5]
    enter(unit, state, gid, caps.split(","), argv[5:])


if __name__ == "__main__":
    main(sys.argv[1:])
