# SPDX-License-Identifier: GPL-2.0-only
"""A thread's end is not its process's end; a process dies once, after its last thread."""
from lib import Mismatches, expect, expect_true, fate_of_truth, gen, test, trace


def one_death_each(t, what):
    """Every process of the truth log: one birth, one exit, one reap, waitpid's status."""
    t.expect_complete()
    t.expect_counts()
    with Mismatches(what) as m:
        for fork in t.did("fork"):
            life = t.life(fork["pid"], fork["start_ns"])
            death = next(d for d in t.did("death") if d["pid"] == fork["pid"])
            m.same("%s (forks, exits, reaps)" % life.id, (1, 1, 1),
                   tuple(len(life.by[k]) for k in ("fork", "exit", "reap")))
            m.same("%s fate" % life.id, fate_of_truth(death), life.fate)
            m.true(life.id, not any("tid" in e for k in life.by.values() for e in k),
                   "has events of threads without --threads")


@test()
def a_dead_leader_with_live_threads_is_no_death():
    t = trace(gen("threads", "--how", "leader_first", "--count", 3, "--live-ms", 150))
    one_death_each(t, "leader first")
    with Mismatches("leader first") as m:
        for gone in t.did("leader_exit"):
            life = t.life(gone["pid"])
            m.true(life.id, life.first("exit")["boot_ns"] - gone["ts_ns"] >= 149e6,
                   "died when its leader left:", life.first("exit"), gone)
            m.same("zombies of %s" % life.id, 1, len(life.zombie))
            m.true(life.id, life.first("zombie")["boot_ns"] >= life.first("exit")["boot_ns"],
                   "was a zombie before its last thread was gone")


@test()
def all_threads_at_once_are_one_death_each():
    one_death_each(trace(gen("threads", "--how", "together", "--threads", 4, "--count", 100)),
                   "all at once")


@test()
def an_exec_from_a_thread_keeps_the_identity():
    t = trace(gen("threads", "--how", "exec", "--count", 5))
    one_death_each(t, "exec from a thread")
    with Mismatches("exec from a thread") as m:
        for did in t.did("exec"):
            lives = t.all_of_pid(did["pid"])
            m.same("lives of pid %d" % did["pid"], 1, len(lives))
            image = lives[0].first("exec")
            m.same("args", ["from-thread", "exit-now", "42"], image.get("args"))
            m.same("pid", did["pid"], image.get("pid"))
            m.same("a life of the thread's old id", 0, len(t.all_of_pid(did["tid"])))
            m.true("spawn_ns", image.get("spawn_ns", 0) > 0, "absent:", image)
            m.true("queued_ns", "queued_ns" not in image, "is of another thread than the birth")


@test()
def threads_that_end_their_process():
    for how in ("exit_group", "fault", "alone"):
        one_death_each(trace(gen("threads", "--how", how, "--count", 3)), how)


@test()
def a_storm_of_threads_is_silent_without_threads():
    t = trace(gen("threads", "--how", "storm", "--count", 2000, "--threads", 4))
    one_death_each(t, "storm of threads")
    expect_true("a few lines only", len(t.events) < 60, len(t.events))


@test()
def a_storm_of_threads_is_counted_with_threads():
    t = trace(gen("threads", "--how", "storm", "--count", 2000, "--threads", 4), "--threads")
    t.expect_complete()
    t.expect_counts()
    made = t.did("end")[0]["threads"]
    births = [e for e in t.of("fork") if "tid" in e]
    deaths = [e for e in t.of("exit") if "tid" in e]
    born = {(e["tid"], e["pid"]) for e in births}
    with Mismatches("threads") as m:
        m.same("births", made, len(births))
        m.same("deaths, leaders included", True, made <= len(deaths) <= made + 2)
        m.same("how", {"thread"}, {e["how"] for e in births})
        m.true("who died was born", len([e for e in deaths if (e["tid"], e["pid"]) not in born]) <= 2)


@test()
def identity_does_not_depend_on_threads_option():
    t = trace(gen("threads", "--how", "leader_first", "--live-ms", 50), "--threads")
    process_exits = t.processes("exit")
    expect("deaths of processes", t.did("end")[0]["deaths"] + 1, len(process_exits))
