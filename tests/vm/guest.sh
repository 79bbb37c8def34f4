#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What every kernel of the matrix has to pass; runs in a guest, below PID 1 (tests/vm/init).
# A test is a line: a function and its arguments. It fails by its status, having said what it got;
# to skip it says why and returns 77. ONLY=WORD runs the tests that have WORD in their line.

tests='
doctor
tree
fates
kernel_signals
truth storm --count 500
truth storm --count 300 --how fork --tree
truth spawn --how mixed --count 60
truth exitcodes --count 100
truth threads --how leader_first
truth threads --how together --count 20
truth threads --how exec --count 5
truth threads --how exit_group --count 5
truth threads --how fault
truth reparent
truth signals
truth zombies
lifetimes 1
lifetimes 20
lifetimes 300
lifetimes 2000
lifetimes 20 --exact-reap
unhooked lifetimes 1 --exact-reap
unhooked lifetimes 300 --exact-reap
unhooked lifetimes 20
reapers_by_thread
frozen
autoreap
truth pidns --orphans --depth 2
truth pidreuse --exec
truth hostile
fork_time
fork_refused
interpreter_chain
exec_failures
unhooked exec_failures --exec-failures
throttled
recorder
kernel_log
'
limit_s=60

out=/tmp/out.json
trace() { proctrail trace --json -o $out "$@"; }

# same WHAT GOT WANTED
same() {
	[ "$2" = "$3" ] && return 0
	echo "$1: got $2, expected $3"
	return 1
}

doctor() { proctrail doctor; }

tree() { proctrail tree | grep init; }

# CMD's exit status is ours: 128 + n when a signal killed it.
fates() {
	trace -- sh -c 'exit 7'
	same 'exit status' $? 7 || return 1
	trace -- sh -c 'kill -TERM $$'
	same 'status of a death by SIGTERM' $? 143 || return 1
	same 'deaths by signal 15' "$(grep '"event":"exit"' $out | grep -c '"signal":15,')" 1
}

# Signals that the kernel itself sends come without siginfo, and waiting for anybody without a
# pid: reading either carelessly takes the machine down.
kernel_signals() {
	trace -- sh -c '
		yes | head -n 1
		(ulimit -t 1; while :; do :; done)
		sleep 9 & kill -USR1 $!
		sleep 9 & kill -KILL $!
		wait; true' >/dev/null
	same 'exit status' $? 0
}

# cgroup v2's own account: the quota of a cgroup that is new, and the same from the recording
throttled() {
	d=/sys/fs/cgroup/limited
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null && mkdir -p $d &&
		echo '2000 10000' >$d/cpu.max || { echo 'no quotas of CPU time here'; return 77; }
	rm -rf /tmp/quota
	proctrail spawns --json -o $out -w /tmp/quota -- sh -c "
		echo \$\$ >$d/cgroup.procs
		for i in \$(seq 40); do /bin/busybox true; done; true" || return 1
	for from in $out /tmp/again; do
		[ $from = $out ] || proctrail spawns --json -r /tmp/quota -o $from || return 1
		grep '"finding":"queue"' $from | grep '"quota_cgroup":"/limited","quota_us":2000,' && continue
		grep -E '"spawn_group"|"finding"' $from
		return 1
	done
}

# A generator ends by saying how many processes it made, itself not counted; we have to have seen
# each of them once, and to say that nothing is missing. From 7.0 on programs may be skipped: what
# they missed is made up for, but the summary has to say so.
truth() {
	trace -- "$@" >/tmp/truth || return 1
	awk '
	function count(name) { match($0, "\"" name "\":[0-9]+")
			       return substr($0, RSTART + length(name) + 3) + 0 }
	FNR == NR { if (/"do":"end"/) { want["fork"] = count("births"); want["exit"] = count("deaths")
					want["exec"] = count("execs") }
		    next }
	!cmd && /"event":"exec"/ { cmd = count("pid") }
	/"event":"(fork|exec|exit)"/ { events[++n] = $0 }
	{ last = $0 }
	END {
		for (i = 1; i <= n; i++) {
			$0 = events[i]
			if (count("pid") == cmd) continue
			split($0, part, "\"event\":\""); sub(/".*/, "", part[2]); got[part[2]]++
		}
		for (w in want) if (got[w] + 0 != want[w]) {
			printf "%s events: got %d, expected %d\n", w, got[w], want[w]
			bad = 1
		}
		if (!("fork" in want)) { print "the generator did not say its end"; bad = 1 }
		if (last !~ /"complete":true/ && last !~ /"missed":[1-9]/) { print "not complete: " last; bad = 1 }
		exit bad
	}' /tmp/truth $out
}

# lifetimes MS [OPTION]: zombies of known lifetimes. The generator knows each birth to lie between the
# child's last look at the clock (exit) and its pidfd's word (seen), and the reap within its wait call:
# what we say, give or take what we admit, has to touch that. Where release_task has a hook we may not
# admit more than 0.1 ms, nor say that the time is from elsewhere.
lifetimes() {
	local ms=$1 hooked=0
	shift
	proctrail doctor --json | grep -q '"name":"[a-z]*/release_task","state":"ok"' && hooked=1
	trace "$@" -- zombies --how late --children 2 --lifetime-ms "$ms" --live-ms 1 >/tmp/truth || return 1
	awk -v ms="$ms" -v hooked=$hooked -v exact=$# '
	function num(name) { return match($0, "\"" name "\":[0-9]+") ? substr($0, RSTART + length(name) + 3) + 0 : 0 }
	FNR == NR { if (/"do":"zombie"/) { low[num("pid")] = num("reap_begin_ns") - num("seen_ns")
					   high[num("pid")] = num("reap_end_ns") - num("exit_ns") }
		    next }
	/"event":"reap"/ && num("pid") in low {
		pid = num("pid"); got = num("zombie_ns"); err = num("zombie_err_ns"); seen++
		printf "%d ms: got %.0f +- %.0f ns, expected %.0f to %.0f\n", ms, got, err, low[pid], high[pid]
		if (low[pid] < ms * 1e6 - 1e5) { print "the generator reaped too early"; bad = 1 }
		if (got + err < low[pid] || got - err > high[pid]) { print "wrong"; bad = 1 }
		if (hooked && (err >= 1e5 || !/"reap_source":"release_task"/)) { print "not exact: " $0; bad = 1 }
		if (exact && !hooked && !/"reap_source":"wait"/) { print "not by the wait call: " $0; bad = 1 }
	}
	END { if (seen != 2) { printf "reaps: got %d, expected 2\n", seen; bad = 1 }; exit bad }
	' /tmp/truth $out
}

# unhooked TEST ...: the test on this kernel as if neither release_task nor execve could be hooked. In a
# mount namespace of its own the kernel's type information has other names for them, and nobody finds the
# way to kprobes.
unhooked() { unshare -m sh "$0" without_release "$@"; }
without_release() {
	local at
	at=$(strings -t d -n 12 /sys/kernel/btf/vmlinux |
		awk '$2 ~ /^(release_task|__(x64|arm64)_sys_execve(at)?)$/ && !seen[$2]++ { print $1 }')
	[ "$(echo "$at" | wc -w)" = 3 ] || { echo "no release_task, execve, execveat in BTF"; return 1; }
	cp /sys/kernel/btf/vmlinux /tmp/btf && mkdir -p /tmp/nothing || return 1
	for i in $at; do
		printf X | dd of=/tmp/btf bs=1 seek="$i" conv=notrunc 2>/dev/null || return 1
	done
	mount --bind /tmp/btf /sys/kernel/btf/vmlinux &&
		mount --bind /tmp/nothing /sys/devices/kprobe && umount /sys/kernel/tracing || return 1
	proctrail doctor --json | grep -q '"name":"[a-z]*/release_task","state":"ok"' && {
		echo 'release_task is hooked all the same'
		return 1
	}
	"$@"
}

# Who reaped is known where release_task has a hook: another thread than the one that forked.
reapers_by_thread() {
	proctrail doctor --json | grep -q '"name":"[a-z]*/release_task","state":"ok"' || {
		echo 'release_task has no hook'
		return 77
	}
	proctrail zombies --json -o $out -- zombies --how thread_reaper --children 5 --live-ms 500 >/tmp/truth || return 1
	same 'reaped by another thread' "$(sed -n 's/^.*"event":"ledger".*"by_thread":\([0-9]*\).*$/\1/p' $out)" 5
}

# A parent in a frozen cgroup (v2) cannot wait: told as that, by one look and by a watch, until it is thawed.
frozen() {
	local group=/sys/fs/cgroup/frozen pid rc=0
	mkdir $group || { echo 'no cgroup can be made'; return 77; }
	[ -e $group/cgroup.freeze ] || { echo 'no cgroup.freeze'; rmdir $group; return 77; }
	sh -c 'sleep 2 & sleep 2 & wait; exec sleep 60' &
	pid=$!
	until [ "$(children_of $pid .)" = 2 ]; do sleep 0.1; done
	echo $pid >$group/cgroup.procs
	echo 1 >$group/cgroup.freeze
	until grep -q 'frozen 1' $group/cgroup.events; do sleep 0.1; done
	until [ "$(children_of $pid Z)" = 2 ]; do sleep 0.1; done
	verdict_of $pid --duration 0
	same 'one look at a frozen parent' "$verdict" 'parent_stopped frozen' || rc=1
	verdict_of $pid --duration 4s
	same 'a watch of it' "$verdict" 'parent_stopped frozen' || rc=1
	echo 0 >$group/cgroup.freeze
	until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.1; done
	verdict_of $pid --all --duration 0
	same 'thawed it has reaped' "${verdict:-healthy}" healthy || rc=1
	kill -KILL $pid
	wait $pid
	return $rc
}
children_of() { # PID STATE: how many
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v ppid="$1" -v state="$2" '{ sub(/^.*\) /, "") } $1 ~ state && $2 == ppid { n++ } END { print n + 0 }'
}
verdict_of() { # PID OPTION ...: into verdict
	proctrail zombies --json -o $out --pid "$@" || return 1
	verdict=$(sed -n "/\"event\":\"parent\".*\"pid\":$1,/"'{s/"frozen":true.*"verdict":"\([a-z_]*\)".*/"verdict":"\1 frozen"/; s/^.*"verdict":"\([a-z_ ]*\)".*$/\1/p}' $out)
}

# CLONE_AUTOREAP (7.1): the kernel reaps them, whatever their parent says of SIGCHLD. Nobody is accused.
autoreap() {
	reapers --how autoreap --count 1 --live-ms 0 --span-ms 1 >/tmp/truth 2>&1
	case $? in
	0) ;;
	3) cat /tmp/truth; return 77 ;;
	*) cat /tmp/truth; return 1 ;;
	esac
	proctrail zombies --all --json -o $out --duration 6s -- \
		reapers --how autoreap --count 10 --live-ms 3000 --span-ms 2000 >/tmp/truth || return 1
	grep '"event":"parent"' $out | grep -v '"verdict":"healthy"' && return 1
	same 'parents that are healthy' "$(grep '"event":"parent"' $out | grep -c '"comm":"reapers"')" 10 ||
		grep -v '"event":"fork"' $out
	grep -q '"event":"ledger".*"autoreaped":[1-9]' $out || { grep '"event":"ledger"' $out; return 1; }
}

# Each fork call is timed, whatever it is called, and took no longer than its caller saw.
fork_time() {
	trace --fork-time -- spawn --how mixed --count 60 >/tmp/truth || return 1
	awk '
	function num(name) { return match($0, "\"" name "\":[0-9]+") ? substr($0, RSTART + length(name) + 3) + 0 : 0 }
	FNR == NR { if (/"do":"spawn"/) call[num("pid")] = num("call_ns"); next }
	/"event":"fork"/ { pid = num("pid"); got = num("fork_ns"); seen += pid in call
			   if (!got || (pid in call && got > call[pid])) {
				printf "pid %d: got %.0f ns, the call took %.0f\n", pid, got, call[pid]
				bad = 1
			   } }
	END { if (seen != 60) { printf "calls: got %d, expected 60\n", seen; bad = 1 }; exit bad }
	' /tmp/truth $out
}

# A script of a script: what was asked for, and what runs it in the end.
interpreter_chain() {
	printf '#!/bin/sh -e\n' >/tmp/inner
	printf '#!/tmp/inner\n' >/tmp/outer
	chmod 755 /tmp/inner /tmp/outer
	trace -- sh -c '/tmp/outer; exit 0' || return 1
	same 'of the script' "$(sed -n 's/^.*"exe":"\/tmp\/outer".*"interpreter":"\([^"]*\)".*$/\1/p' $out)" /bin/sh ||
		{ grep '"event":"exec"' $out; return 1; }
	same 'execs of scripts' "$(grep -c '"interpreter"' $out)" 1
}

# Each exec that fails: what was asked for, and whether the file or what it names is missing. With a hook of
# open_exec() also which interpreter it was.
exec_failures() {
	local dir=/tmp/exec name=none read=found
	mkdir -p $dir/a $dir/b $dir/c $dir/noexec
	grep -q " $dir/noexec " /proc/mounts || mount -t tmpfs -o noexec none $dir/noexec || return 1
	printf '#!/no/perl -w\n' >$dir/script
	printf 'neither\n' >$dir/text
	printf '#!/bin/sh\n' >$dir/noexec/tool
	printf '#!/bin/sh\n' | tee $dir/plain >$dir/c/late
	chmod 755 $dir/script $dir/text $dir/noexec/tool $dir/c/late
	trace "$@" -- sh -c "env $dir/script; env $dir/noexec/tool; env $dir/plain; env $dir/a
		(PATH=$dir/a:$dir/b:$dir/c exec late); (PATH=$dir/a:$dir/b exec nothing)
		env $dir/text" 2>/tmp/said
	[ $# -gt 0 ] || { name=/no/perl; read=none; }
	sed -n 's/^.*"event":"exec_failed".*"error":"\([A-Z]*\)","path":"\([^"]*\)"/\1 \2 /p' $out |
		sed 's/"interpreter":"\([^"]*\)"/ \1/; s/"found":true/found/; s/[,}]//g; s/  */ /g; s/ $//' >/tmp/got
	cat >/tmp/wanted <<-EOF
		ENOENT $dir/script found $name
		EACCES $dir/noexec/tool
		EACCES $dir/plain
		EACCES $dir/a
		ENOENT $dir/a/late
		ENOENT $dir/b/late
		ENOENT $dir/a/nothing
		ENOENT $dir/b/nothing
		ENOEXEC $dir/text $read
	EOF
	sed -i 's/ none$//' /tmp/wanted
	cmp -s /tmp/got /tmp/wanted && return 0
	cat /tmp/said
	echo 'failed execs: got'
	cat /tmp/got
	echo 'expected'
	cat /tmp/wanted
	return 1
}

# Two limits, each reached by sleepers: the shell says that it cannot fork, and we by which limit.
fork_refused() {
	local sleepers='for i in 1 2 3 4 5 6 7 8 9; do sleep 3 & done'
	grep -q '^nobody:' /etc/passwd || echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd
	trace --fork-time --user nobody -- sh -c "ulimit -u 4; $sleepers" >/tmp/said.limit 2>&1
	refused_by nproc EAGAIN || { cat /tmp/said.limit; return 1; }

	mkdir -p /tmp/pids
	mount -t cgroup2 none /tmp/pids 2>/dev/null || mount -t cgroup -o pids none /tmp/pids || return 77
	echo +pids >/tmp/pids/cgroup.subtree_control 2>/dev/null
	mkdir -p /tmp/pids/outer/inner
	echo +pids >/tmp/pids/outer/cgroup.subtree_control 2>/dev/null
	echo 4 >/tmp/pids/outer/pids.max || return 1
	trace --fork-time -- sh -c "echo \$\$ >/tmp/pids/outer/inner/cgroup.procs; $sleepers" 2>/dev/null
	refused_by cgroup_pids EAGAIN || return 1
	grep '"event":"fork_failed"' $out | grep -q "\"limit_cgroup_id\":$(stat -c %i /tmp/pids/outer)," || {
		echo "not the cgroup that refused: $(stat -c %i /tmp/pids/outer)"
		grep '"event":"fork_failed"' $out
		return 1
	}
}
refused() { grep -c '"event":"fork_failed"' $out; }
refused_by() { # LIMIT ERROR
	[ "$(refused)" -gt 0 ] && [ "$(grep '"event":"fork_failed"' $out | grep "\"error\":\"$2\"" | grep -c "\"limit\":\"$1\"")" -eq "$(refused)" ] && return 0
	echo "not refused by $1:"
	grep '"event":"fork_failed"' $out
	return 1
}

# As the service runs it: the capabilities of service/proctrail.service.in, and no limit to locked
# memory: what it has touched is locked, and it has not touched more for that (budget: 26 MiB).
service_caps=2,19,38,39 # DAC_READ_SEARCH, SYS_PTRACE, PERFMON, BPF
recorder() {
	local pid i=0
	ulimit -l unlimited
	limited $service_caps proctrail record --pid $$ -w /tmp/rec --max-size 8M 2>/tmp/rec.said &
	pid=$!
	until [ "$(status_kb $pid VmLck)" -gt 0 ] || [ $i -ge 200 ]; do
		i=$((i + 1))
		sleep 0.1
	done
	echo "resident: $(status_kb $pid VmRSS) KiB, locked: $(status_kb $pid VmLck) KiB"
	[ "$(status_kb $pid VmLck)" -gt 0 ] && [ "$(status_kb $pid VmRSS)" -le 26624 ]
	same 'status of memory' $? 0 || { cat /tmp/rec.said; return 1; }
	storm --count 20 >/dev/null
	kill -TERM $pid
	wait $pid
	same 'exit status' $? 0 || { cat /tmp/rec.said; return 1; }
	proctrail trace --json -r /tmp/rec >$out
	same 'births by storm' "$(grep '"event":"fork"' $out | grep -c '"comm":"storm"')" 20 || return 1
	proctrail info -r /tmp/rec | grep 'every block is whole'
}
status_kb() { awk -v name="$2:" '$1 == name { n = $2 } END { print n + 0 }' "/proc/$1/status" 2>/dev/null; }

kernel_log() {
	dmesg | grep -E 'BUG:|Oops|WARNING:|Call Trace|soft lockup|rcu.*stall' && return 1
	return 0
}

if [ $# -gt 0 ]; then
	"$@"
	exit
fi

proctrail doctor --json 2>/dev/null |
	sed -n 's/^.*"event":"hook","name":"\([^"]*\)","state":"ok".*$/\1/p' | sed 's/^tp_btf.//' |
	tr '\n' ' ' | sed 's/^/hooks: /; s/ $/\n/'

echo "$tests" | grep -- "${ONLY:-.}" >/tmp/tests
rc=0
while read -r t; do
	# shellcheck disable=SC2086 # a line of words
	timeout -s KILL "$limit_s" sh "$0" $t </dev/null >/tmp/said 2>&1
	got=$?
	case $got in
	0) echo "ok $t" ;;
	77) echo "skip $t - $(tail -n 1 /tmp/said)" ;;
	*)
		head -n 30 /tmp/said
		echo "not ok $t - status $got"
		rc=1
		;;
	esac
done </tmp/tests
exit $rc
