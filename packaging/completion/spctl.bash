# SPDX-License-Identifier: Apache-2.0
# bash completion for spctl(1). After `spctl run` options and "--" the program's own completion takes over.
# shellcheck shell=bash

_spctl_subprocesses() { # the numbers of SubProcesses
  "${COMP_WORDS[0]}" ps 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_spctl_syscalls() {
  "${COMP_WORDS[0]}" syscalls 2>/dev/null | awk 'NR > 1 { print $2 }'
}

_spctl_clusters() { # those that last
  "${COMP_WORDS[0]}" nodes 2>/dev/null | awk '$1 == "CLUSTER" { seen = 1; next } seen && $NF != "-" { print $NF }' | sort -u
}

_spctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "run up down join ps nodes maps fds stats top log kill trace gc syscalls doctor bench --help --version" -- "$word")
    return
  fi

  if [ "${COMP_WORDS[1]}" = run ]; then # where does the program begin?
    for ((at = 2; at < COMP_CWORD; at++)); do
      case ${COMP_WORDS[at]} in
        --) ((at++)); break ;;
        -n | --nodes | --placement | --cores-per-node | --summary | --cluster | --backend)
          # bash splits --nodes=2 into three words
          if [ "${COMP_WORDS[at + 1]}" = = ]; then ((at++)); fi
          ((at++)) ;;
        -*) ;;
        *) break ;;
      esac
    done
    if [ "$at" -le "$COMP_CWORD" ] && { [ "$at" -lt "$COMP_CWORD" ] || [[ $word != -* ]] || [ "$before" = -- ]; }; then
      if declare -F _command_offset >/dev/null; then
        _command_offset "$at"
      elif [ "$at" = "$COMP_CWORD" ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      return
    fi
  fi

  case $before in
    --placement) words="round-robin fill least-loaded alternate" ;;
    -n | --nodes) words="1 2 4 8 16" ;;
    --summary | -o | --output)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
    -s | --signal | -l) words=$("${COMP_WORDS[0]}" kill -l) ;;
    --missed) words=$(_spctl_subprocesses) ;;
    --only) words=$("${COMP_WORDS[0]}" bench --list 2>/dev/null) ;;
    --cluster) words=$(_spctl_clusters) ;;
    --backend) words="embedded xen" ;;
    --image)
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return ;;
    --runs | --cores-per-node | --name) ;;
    *)
      case ${COMP_WORDS[1]} in
        up) words="--nodes --isolate --isolate=strict --image --backend --name --placement --cores-per-node --help" ;;
        join) words="--help" ;;
        down)
          words="--help"
          [[ $word == -* ]] || words=$(_spctl_clusters) ;;
        run) words="--nodes --isolate --isolate=strict --image --backend --cluster --placement --cores-per-node --summary --allow-native --trace --help --" ;;
        ps) words="--json --threads --tree --help" ;;
        nodes | maps | stats | fds)
          words="--json --help"
          [[ $word == -* ]] || words=$(_spctl_subprocesses) ;;
        top) words="--batch --iterations --delay --json --help" ;;
        log) words="--lines --follow --json --help" ;;
        gc) words="--code --dry-run --json --help" ;;
        trace)
          words="--summary-only --json --perfetto --follow --output --nodes --isolate --help --"
          [[ $word == -* ]] || words=$(_spctl_subprocesses) ;;
        kill)
          words="-s -q -l -L --help"
          [[ $word == -* ]] || words=$(_spctl_subprocesses) ;;
        syscalls)
          words="--json --missed --help"
          [[ $word == -* ]] || words=$(_spctl_syscalls) ;;
        doctor) words="--json --nodes --help" ;;
        bench) words="--json --only --runs --nodes --isolate --backend --quick --list --help" ;;
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _spctl spctl
