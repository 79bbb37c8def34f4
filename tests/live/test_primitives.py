# SPDX-License-Identifier: GPL-2.0-only
"""How a process was made, by whom, and what it became."""
from lib import Mismatches, expect, fate_of_truth, gen, test, trace

EACH = ["fork", "vfork", "posix_spawn", "clone", "clone3", "clone3_parent", "clone_vm", "clone_vfork",
        "clone_vfork_stack", "clone3_vm", "clone3_vfork", "clone3_vfork_stack", "sys_fork"]


def check_spawn(m, t, truth):
    life = t.life(truth["pid"], truth["start_ns"])
    where = "%s %s" % (truth["how"], life.id)
    fork, image = life.first("fork"), life.first("exec")
    m.same(where + " how", truth["class"], fork.get("how"))
    if "syscall" in truth:  # libc chooses posix_spawn's
        m.same(where + " syscall", truth["syscall"], fork.get("syscall"))
    m.same(where + " (ppid, birth_ppid)", (truth["ppid"], truth["maker"]),
           (fork.get("ppid"), fork.get("birth_ppid")))
    m.same(where + " fate", fate_of_truth(truth), life.fate)
    m.same(where + " (forks, execs, exits, reaps)", (1, 1 if truth.get("exec") else 0, 1, 1),
           (len(life.fork), len(life.exec), len(life.exit), len(life.reap)))
    m.same(where + " ppid at its reap", truth["ppid"], life.first("reap").get("ppid"))
    # a middle process that has just been born has no page yet that the kernel's counters admit
    m.true(where, fork.get("parent_rss_kb", 0) > 0 or truth["maker"] != truth["ppid"],
           "no parent_rss_kb:", fork)
    if truth.get("exec"):
        check_image(m, where, truth, image)


def check_image(m, where, truth, image):
    m.same(where + " exe", truth["exec"], image.get("exe"))
    m.same(where + " args", ["spawned", "exit-now", str(truth.get("exit_code"))], image.get("args"))
    # Ours ends when the image is mapped, after exec has closed the generator's pipe: the whole life
    # bounds it, not the generator's spawn_ns.
    total, life_ns = image.get("spawn_ns", 0), truth["reaped_ns"] - truth["start_ns"]
    m.true(where, 0 < total <= life_ns, "spawn_ns %d of %d" % (total, life_ns))
    parts = [image.get(k) for k in ("queued_ns", "blocked_ns", "running_ns")]
    m.true(where, None not in parts and sum(parts) == total, "parts", parts, "of", total)


def compare(*args):
    t = trace(gen("spawn", *args))
    t.expect_complete()
    t.expect_counts()
    with Mismatches("spawn %s" % " ".join(map(str, args))) as m:
        for truth in t.did("spawn"):
            check_spawn(m, t, truth)
    return t


@test(seconds=120)
def each_primitive_is_told_from_the_others():
    for how in EACH:
        compare("--how", how, "--count", 3)


@test()
def a_mix_of_300_at_once():
    t = compare("--how", "mixed", "--count", 300, "--jobs", 8)
    expect("spawns compared", 300, len(t.did("spawn")))


@test()
def children_without_exec_have_none():
    compare("--how", "mixed", "--count", 60, "--no-exec", "--seed", 3)


@test()
def clone3_with_clear_sighand_and_pidfd():
    for how in ("clone3", "clone3_vfork", "clone3_vm"):
        compare("--how", how, "--count", 3, "--flags", "clear_sighand,pidfd")


@test()
def identities_are_made_of_pid_and_start():
    t = trace(gen("spawn", "--how", "fork", "--count", 20))
    boot = open("/proc/sys/kernel/random/boot_id").read().replace("-", "").strip()
    with Mismatches("ids") as m:
        m.same("boot_id", boot, t.events[0]["boot_id"])
        for e in t.events:
            if "id" in e:
                m.same("id", "%s.%d.%d" % (boot[:8], e["pid"], e["start_ns"]), e["id"])
        for truth in t.did("spawn"):
            start_ns = t.life(truth["pid"], truth["start_ns"]).first("fork")["start_ns"]
            m.true("start", truth["start_ns"] <= start_ns <= truth["start_ns"] + truth["call_ns"],
                   truth, start_ns)
