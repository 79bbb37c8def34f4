# SPDX-License-Identifier: GPL-2.0-only
# bash completion for proctrail(8). tests/unit/test_cmd_docs.c compares it with the option table.

_proctrail()
{
	local cur prev word command='' i
	local -A options=(
		[bare]='--read --at --output --json --utc --wide --proc --verbose --version --help'
		[trace]='--pid --cgroup --uid --comm --match --unit --container --state --duration --user
			--events --threads --signals --exact-reap --fork-time --exec-failures --ring --max-procs --args-max --args --redact
			--no-redact --read --from --to --at --follow --write --sync --max-size --max-age
			--on-disk-full --output --json --utc --wide --proc --verbose --help'
		[tree]='--pid --cgroup --uid --comm --match --unit --container --state --duration --user
			--kernel --ring --max-procs --args-max --args --redact --no-redact --read --from --to
			--at --write --sync --max-size --max-age --on-disk-full --output --json --utc --wide
			--proc --verbose --help'
		[zombies]='--pid --cgroup --uid --duration --user --ring --max-procs --args-max --args
			--redact --no-redact --exact-reap --all --fail-if --read --from --to --at --follow --watch
			--write --sync --max-size --max-age --on-disk-full --output --json --utc --wide --proc --verbose --help'
		[spawns]='--pid --cgroup --uid --duration --user --ring --max-procs --args-max --args
			--redact --no-redact --by --slowest --hist --fork-time --exec-failures --read --from --to --at --follow --write --sync
			--max-size --max-age --on-disk-full --output --json --utc --wide --proc --verbose --help'
		[deaths]='--pid --cgroup --uid --duration --user --ring --max-procs --args-max --args
			--redact --no-redact --failed --all --signal --read --from --to --at --follow --write --sync
			--max-size --max-age --on-disk-full --output --json --utc --wide --proc --verbose --help'
		[why]='--stuck --longer --read --from --to --args --redact --no-redact --output --json --utc --wide
			--proc --verbose --help'
		[record]='--pid --cgroup --uid --duration --ring --max-procs --args-max --threads --args --redact
			--no-redact --signals --fork-time --exec-failures --write --sync --max-size --max-age --on-disk-full --trigger
			--before --after --proc --verbose --help'
		[info]='--read --output --json --utc --wide --verbose --help'
		[doctor]='--output --json --wide --proc --verbose --help'
		[help]='--output --help'
		[version]='--output --json --help'
	)
	local commands='trace tree zombies spawns deaths why record info doctor help version'

	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -- ]]; then
			# CMD: complete as its own command line
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			fi
			return
		fi
		case $word in
		trace | tree | zombies | spawns | deaths | why | record | info | doctor | help | version) command=${command:-$word} ;;
		esac
	done

	case $prev in
	--output | -o | --read | -r | --write | -w) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	--proc) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") && return ;;
	--events)
		mapfile -t COMPREPLY < <(compgen -W 'fork fork_failed exec exec_failed exit zombie reap adopt signal stop
			cont rename oom lost heal thinned fact' -- "$cur")
		return
		;;
	--args) mapfile -t COMPREPLY < <(compgen -W 'full exe none' -- "$cur") && return ;;
	--by) mapfile -t COMPREPLY < <(compgen -W 'parent program unit container user' -- "$cur") && return ;;
	--sync) mapfile -t COMPREPLY < <(compgen -W 'none block 1s' -- "$cur") && return ;;
	--trigger)
		mapfile -t COMPREPLY < <(compgen -W 'oom zombies>100 lost>0 exit:*!=0' -- "$cur")
		return
		;;
	--on-disk-full)
		mapfile -t COMPREPLY < <(compgen -W 'drop-oldest pause exit' -- "$cur")
		return
		;;
	--pid | --cgroup | --uid | --comm | --match | --unit | --container | --state | --duration | \
		--ring | --max-procs | --args-max | --from | --to | --at | --max-size | --max-age | --redact | \
		--before | --after | --fail-if) return ;;
	esac

	if [[ $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options[${command:-bare}]}" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	fi
}

complete -F _proctrail proctrail
