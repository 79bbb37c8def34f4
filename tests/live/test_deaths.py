# SPDX-License-Identifier: GPL-2.0-only
"""Who died of what: the status is the one that waitpid returns, and the killer is named."""
from lib import Mismatches, expect, fate_of_truth, gen, test, trace


def deaths_of(t):
    return {d["pid"]: d for d in t.did("death")}


def check_killer(m, where, truth, exit):
    """Signals of exitcodes are sent by its parent, by itself, or, in a race, by either."""
    if truth["by"] == "race" or "exit_code" in exit:
        return
    m.same(where + " killer_pid", truth["sender"], exit.get("killer_pid"))
    m.same(where + " killer_comm", "exitcodes", exit.get("killer_comm"))


def compare(*args):
    t = trace(gen("exitcodes", *args))
    t.expect_complete()
    t.expect_counts()
    deaths = t.did("death")
    with Mismatches("deaths") as m:
        for truth in t.did("fork"):
            life = t.life(truth["pid"], truth["start_ns"])
            where = "%s %s %s" % (truth["by"], truth["code"], life.id)
            death = next(d for d in deaths if d["pid"] == truth["pid"])
            m.same(where, fate_of_truth(death), life.fate)
            m.same(where + " (exits, reaps)", (1, 1), (len(life.exit), len(life.reap)))
            check_killer(m, where, truth, life.first("exit"))
    return t


@test()
def a_thousand_random_deaths_have_waitpids_status():
    t = compare("--count", 1000, "--jobs", 8, "--seed", 7)
    kinds = {f["by"] for f in t.did("fork")}
    expect("all ways to die came up", 8, len(kinds))


@test()
def every_exit_code_is_right():
    t = compare("--count", 600, "--jobs", 4, "--only-codes")
    expect("many different codes", True, len({d["exit_code"] for d in t.did("death")}) > 200)


@test()
def core_dumps_are_told():
    t = compare("--count", 60, "--jobs", 2, "--seed", 5)
    expect("some were killed", True, any("signal" in d for d in t.did("death")))


@test()
def reapers_and_the_length_of_lives():
    t = trace(gen("spawn", "--how", "fork", "--count", 20, "--sleep-ms", 20))
    with Mismatches("reaps") as m:
        for truth in t.did("spawn"):
            life = t.life(truth["pid"], truth["start_ns"])
            exit, reap = life.first("exit"), life.first("reap")
            most = truth["reaped_ns"] - truth["start_ns"]
            m.true(life.id, 20e6 <= exit.get("lived_ns", 0) <= most, "lived", exit.get("lived_ns"), most)
            m.true(life.id, exit.get("maxrss_kb", 0) > 0, "has no maxrss_kb")
            if "reaper_pid" in reap:
                m.same(life.id + " reaper", truth["ppid"], reap["reaper_pid"])
            # the reap lies within zombie_ns + zombie_err_ns of the zombie's birth
            zombie, err = reap.get("zombie_ns"), reap.get("zombie_err_ns")
            m.true(life.id, zombie is not None and err is not None, "no zombie_ns:", reap)
