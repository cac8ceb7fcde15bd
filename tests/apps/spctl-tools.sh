#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spctl's tools on running programs, with the real library: on isolated nodes where they can be had, and on embedded ones.
. "$(dirname "$0")/spctl-common.sh"
unset SUPERPROC_LIBRARY

scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)
if [ "$scope" != 0 ] && [ "$(id -u)" != 0 ]; then
  echo "kernel.yama.ptrace_scope is $scope: this user may not look at its own processes; skipped"
  exit 77
fi
mark=1000.$$ # how long this test's programs would sleep: tells them from others
started=()
trap 'kill -9 "${started[@]}" 2>/dev/null; rm -rf "$WORK"' EXIT

sleepers() { "$SPCTL" ps 2>/dev/null | awk -v mark="$mark" '$NF == mark && $(NF - 1) == "sleep" && !/sh -c/ { print $1 }'; }
soon() { # CONDITION...: within ten seconds
  local _
  for _ in $(seq 200); do
    "$@" && return
    sleep 0.05
  done
  return 1
}
there_are() { [ "$(sleepers | wc -l)" = "$1" ]; }
none_left() { ! pgrep -fx "sleep $mark" >"$WORK/left"; }
start() { # COUNT OPTIONS... -- SCRIPT: runs SCRIPT, which begins COUNT sleepers; its launcher in $launcher
  local count=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  "$SPCTL" run "${options[@]}" -- sh -c "$2" >"$WORK/said" 2>&1 &
  launcher=$!
  started+=("$launcher")
  soon there_are "$count" || wrong "$count sleepers did not begin: $2"
}

kinds=("--nodes 2")
"$SPCTL" doctor | grep -q '^ok *isolated nodes' && kinds+=("--isolate --nodes 3")
for kind in "${kinds[@]}"; do
  read -ra options <<<"$kind"
  echo "with $kind"

  # ps --tree
  start 2 "${options[@]}" -- "sh -c 'sleep $mark; true' & sleep $mark & wait"
  check "tree: the program" 0 "- +sh -c sh -c" "$SPCTL" ps --tree
  check "tree: a child" 0 " \\\\_ sh -c sleep $mark; true\$" "$SPCTL" ps --tree
  check "tree: a child's child" 0 " (\\|  |   ) \\\\_ sleep $mark\$" "$SPCTL" ps --tree
  check "tree: the last child" 0 "[^|] \\\\_ sleep $mark\$" "$SPCTL" ps --tree
  check "tree: JSON" 0 '^0 1 2 1$|^0 1 1 2$' bash -c '"$1" ps --tree --json 2>/dev/null | python3 -c "
import json, sys
all = [s for s in json.load(sys.stdin) if \"'"$mark"'\" in s[\"command\"]]
for s in all:
    assert s[\"depth\"] == 0 or s[\"parent\"] in [t[\"pid\"] for t in all]
print(*(s[\"depth\"] for s in all))"' _ "$SPCTL"
  sleepers | xargs kill -9
  soon none_left || wrong "$kind: sleepers are left"
  wait "$launcher"
done
finish
