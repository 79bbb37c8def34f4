# SPDX-License-Identifier: GPL-2.0-only
"""Signals: who sent them, whom they stopped, whom they killed."""
from lib import Mismatches, expect, fate_of_truth, gen, test, trace


def scene(how, *args):
    """The trace of one scene, its target's life, after comparing all fates."""
    t = trace(gen("signals", "--how", how, *args))
    t.expect_complete()
    t.expect_counts()
    with Mismatches("fates of %s" % how) as m:
        for death in t.did("death"):
            life = t.all_of_pid(death["pid"])[-1]
            m.same("%s %s" % (how, life.id), fate_of_truth(death), life.fate)
            m.same("%s %s (exits, reaps)" % (how, life.id), (1, 1), (len(life.exit), len(life.reap)))
    fork = t.did("fork")[0]
    return t, t.life(fork["pid"], fork["start_ns"])


def expect_killer(t, life, comm="signals"):
    sent = t.did("signal")[-1]
    exit = life.first("exit")
    expect("(killer_pid, killer_comm) of %s" % life.id, (sent["sender"], comm),
           (exit.get("killer_pid"), exit.get("killer_comm")))


@test()
def the_sender_of_a_deadly_signal_is_the_killer():
    for how in ("kill", "term", "tgkill", "sigqueue", "term_stays", "term_ignored", "term_blocked",
                "merged", "raise"):
        expect_killer(*scene(how))


@test()
def each_sent_signal_is_an_event_with_its_sender():
    t, life = scene("term_ignored")
    told = [(e.get("sender_pid"), e["signal"], e.get("result")) for e in life.signal]
    with Mismatches("signal events") as m:
        for truth in t.did("signal"):
            want = (truth["sender"], truth["signal"])
            m.true("signal %s" % (want,), want in [x[:2] for x in told], "is not in", told)
    expect("the ignored TERM's result", "ignored", dict((x[1], x[2]) for x in told)[15])
    expect("no signal is the killer of who exits by itself", None,
           scene("term_handled")[1].first("exit").get("killer_pid"))


@test()
def stop_and_continue_are_events():
    t, life = scene("stop_cont")
    sent = {s["signal"]: s["ts_ns"] for s in t.did("signal")}
    expect("(stops, continues)", (1, 1), (len(life.stop), len(life.cont)))
    expect("the stop's signal", 19, life.stop[0].get("signal"))
    order = [sent[19], life.stop[0]["boot_ns"], life.cont[0]["boot_ns"], life.exit[0]["boot_ns"]]
    expect("order of STOP, stop, cont, exit", sorted(order), order)
    expect_killer(t, life)


@test()
def faults_aborts_and_limits_have_their_signal():
    for how, sig in (("segv", "SIGSEGV"), ("pipe", "SIGPIPE"), ("alarm", "SIGALRM"), ("abort", "SIGABRT"),
                     ("core", "SIGQUIT"), ("seccomp", "SIGSYS"), ("posix_timer", "SIGUSR1")):
        _, life = scene(how)
        expect("signal_name of %s" % how, sig, life.first("exit").get("signal_name"))


@test()
def one_call_kills_a_group():
    t, _ = scene("group")
    sent = t.did("signal")[-1]
    fated = [t.all_of_pid(d["pid"])[-1].first("exit") for d in t.did("death")]
    expect("killers of five", [sent["sender"]] * 5, [e.get("killer_pid") for e in fated])


@test()
def a_parents_death_that_kills():
    t, _ = scene("pdeathsig")
    killed = [e for e in t.of("exit") if e.get("signal") == 15]
    expect("TERM by the parent's death", 1, len(killed))


@test()
def of_two_killers_the_one_that_killed_is_named():
    t, life = scene("race", "--count", 10)
    with Mismatches("races") as m:
        for fork in (f for f in t.did("fork") if f["role"] == "race"):
            exit = t.life(fork["pid"], fork["start_ns"]).first("exit")
            senders = [s["sender"] for s in t.did("signal")
                       if s["target"] == fork["pid"] and s["signal"] == exit["signal"]]
            m.true("killer of %s" % exit["id"], exit.get("killer_pid") in senders,
                   exit.get("killer_pid"), "not in", senders)
