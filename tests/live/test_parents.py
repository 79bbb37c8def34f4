# SPDX-License-Identifier: GPL-2.0-only
"""Parents by birth and by adoption, one pid with many lives, and pid namespaces."""
from lib import Mismatches, expect, fate_of_truth, gen, test, trace


def adoptions(t, what):
    """Every adoption of the truth log: who has it now, who bore it, how it ended."""
    t.expect_complete()
    with Mismatches(what) as m:
        for truth in t.did("adopt"):
            life = t.life(truth["pid"], truth["start_ns"])
            m.true(life.id, len(life.adopt) >= 1, "has no adopt event:", life)
            last = life.adopt[-1] if life.adopt else {}
            m.same(life.id + " (ppid, birth_ppid)", (truth["ppid"], truth["birth_ppid"]),
                   (last.get("ppid"), last.get("birth_ppid")))
            m.true(life.id, last.get("old_ppid") not in (None, last.get("ppid")), "old_ppid:", last)
            m.same(life.id + " birth", truth["birth_ppid"], life.first("fork").get("ppid"))
            m.same(life.id + " at its exit (ppid, birth_ppid)", (truth["ppid"], truth["birth_ppid"]),
                   tuple(life.first("exit").get(k) for k in ("ppid", "birth_ppid")))
            m.true(life.id, life.exit and last.get("boot_ns", 0) <= life.exit[0]["boot_ns"],
                   "adopted after its death")
        for death in t.did("death"):
            life = t.all_of_pid(death["pid"])[-1]
            m.same(life.id + " fate", fate_of_truth(death), life.fate)
            m.same(life.id + " (exits, reaps)", (1, 1), (len(life.exit), len(life.reap)))
    return t


@test()
def orphans_go_to_init_or_a_subreaper_above():
    t = adoptions(trace(gen("reparent", "--how", "orphan")), "orphans")
    expect("adoptions compared", 3, len(t.did("adopt")))


@test()
def orphans_go_to_the_nearest_subreaper():
    t = adoptions(trace(gen("reparent", "--how", "subreaper")), "subreaper")
    expect("adoptions compared", 3, len(t.did("adopt")))


@test()
def a_chain_hands_its_orphans_on():
    adoptions(trace(gen("reparent", "--how", "chain")), "chain")


@test()
def a_daemon_keeps_its_birth_parent():
    adoptions(trace(gen("reparent", "--how", "daemon")), "daemon")


@test()
def a_forking_threads_death_is_no_adoption():
    t = adoptions(trace(gen("reparent", "--how", "thread")), "thread")
    child = t.life(t.did("thread_fork")[0]["pid"])
    expect("adopt events", [], child.adopt)
    expect("ppid at birth and at exit", [t.did("thread_fork")[0]["ppid"]] * 2,
           [child.first(k).get("ppid") for k in ("fork", "exit")])


@test()
def clone_parent_makes_a_sibling():
    t = adoptions(trace(gen("reparent", "--how", "clone_parent")), "CLONE_PARENT")
    truth = next(f for f in t.did("fork") if f["role"] == "sibling")
    child = t.life(truth["pid"], truth["start_ns"])
    expect("(ppid, birth_ppid)", (truth["ppid"], truth["maker"]),
           tuple(child.first("fork").get(k) for k in ("ppid", "birth_ppid")))
    expect("adopt events", [], child.adopt)
    expect("ppid to the end", [truth["ppid"]] * 2, [child.first(k).get("ppid") for k in ("exit", "reap")])


@test()
def one_pid_is_many_lives():
    t = trace(gen("pidreuse", "--count", 60, "--exec"))
    t.expect_complete()
    t.expect_counts()
    forks, deaths = t.did("fork"), t.did("death")
    expect("one pid", 1, len({f["pid"] for f in forks}))
    lives = t.all_of_pid(forks[0]["pid"])
    with Mismatches("lives of one pid") as m:
        m.same("lives", len(forks), len(lives))
        for fork, death, life in zip(forks, deaths, lives):
            m.same("%s %s (forks, exits, reaps)" % (fork["role"], life.id), (1, 1, 1),
                   tuple(len(life.by[k]) for k in ("fork", "exit", "reap")))
            m.same("execs", 1 if fork["role"] == "execs" else 0, len(life.exec))
            m.same("%s %s fate" % (fork["role"], life.id), fate_of_truth(death), life.fate)
            m.true("start", fork["start_ns"] <= life.fork[0]["start_ns"] <= death["ts_ns"], fork, life)


def check_namespace(t):
    inside = {i["pid"]: i for i in t.did("inside")}
    with Mismatches("pid namespace") as m:
        for pid, truth in inside.items():
            lives = t.all_of_pid(pid)
            if not m.true("pid %d" % pid, len(lives) == 1, "lives:", lives):
                continue
            exit = lives[0].first("exit")
            m.same("%s %s pidns_pid" % (truth["role"], lives[0].id), truth["pidns_pid"],
                   exit.get("pidns_pid"))
        for truth in t.did("inner_death"):
            pid = next(p for p, i in inside.items() if i["pidns_pid"] == truth["pidns_pid"])
            m.same("fate of inner %d" % truth["pidns_pid"], fate_of_truth(truth), t.all_of_pid(pid)[0].fate)
        box = t.did("container")[0]
        init = t.life(box["pid"], box["start_ns"])
        m.same("init's ppid", box["ppid"], init.first("fork").get("ppid"))
        m.same("new_ns of its birth", True, "pid" in init.first("fork").get("new_ns", []))
        # it comes with the records of exec, which there is none of here: absent or right
        m.true("hostname", init.first("exit").get("host_in_container") in (None, box["hostname"]), init.exit)
    return inside, init


@test()
def a_pid_namespace_has_two_pids_and_a_hostname():
    t = trace(gen("pidns", "--how", "clone", "--children", 3))
    t.expect_complete()
    t.expect_counts()
    check_namespace(t)


@test()
def orphans_in_a_namespace_go_to_its_init():
    t = trace(gen("pidns", "--children", 1, "--orphans"))
    inside, init = check_namespace(t)
    orphan = next(i for i in inside.values() if i["role"] == "orphan")
    life = t.all_of_pid(orphan["pid"])[0]
    expect("adopted by", [init.first("fork")["pid"]], [e.get("ppid") for e in life.adopt])


@test()
def namespaces_by_clone3_and_by_unshare():
    for how in ("clone3", "unshare"):
        t = trace(gen("pidns", "--how", how, "--children", 2))
        t.expect_counts()
        inside = {i["pid"]: i["pidns_pid"] for i in t.did("inside")}
        expect("%s: pidns_pid" % how, inside,
               {p: t.all_of_pid(p)[0].first("exit").get("pidns_pid") for p in inside})


@test()
def a_containers_hostname_is_told_from_its_first_exec():
    t = trace(["unshare", "--pid", "--uts", "--fork", "sh", "-c", "hostname pod-7f9c; exec /bin/true"])
    t.expect_complete()
    inner = [life for life in t.lives.values() if life.first("exit").get("pidns_pid") == 1]
    expect("pid 1 of the namespace", 1, len(inner))
    expect("hostname at its last exec and its exit", ["pod-7f9c"] * 2,
           [inner[0].by[k][-1].get("host_in_container") for k in ("exec", "exit")])
