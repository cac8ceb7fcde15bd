#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spctl ps, nodes, maps, stats and syscalls on pretended SubProcesses, good and bad ones.
. "$(dirname "$0")/spctl-common.sh"

scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)
if [ "$scope" != 0 ] && [ "$(id -u)" != 0 ]; then
  echo "kernel.yama.ptrace_scope is $scope: this user may not look at its own processes; skipped"
  exit 77
fi

start() { # HOW: a process that looks like a SubProcess; its number in $pid
  SUPERPROC_PRETEND=$1 "$SPCTL" run --nodes 2 -- sleep 100 &
  pid=$!
  started+=("$pid")
  for _ in $(seq 200); do
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 100 " ] && grep -q '^1e0000000000-' "/proc/$pid/maps" && break
    sleep 0.02
  done
  sleep 0.05
}
started=()
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$WORK"' EXIT

start native; native=$pid
start shared; shared=$pid
resident=$(awk -v parent="$shared" '$4 == parent { print $1 }' /proc/[0-9]*/stat 2>/dev/null)

check "ps: a native one" 0 "^ *$native +$native +2 +native +1 +- +- +- +sleep 100\$" "$SPCTL" ps
check "ps: a shared one" 0 "^ *$shared +$shared +2 +shared +3\+2 +- +- +- +sleep 100\$" "$SPCTL" ps
check "ps: a resident is no SubProcess of its own" 0 '^1$' bash -c '"$1" ps | grep -c "^ *$2 "' _ "$SPCTL" "$shared"
check "ps: ... but is there" 1 "" bash -c '"$1" ps | grep "^ *$2 "' _ "$SPCTL" "$resident"
check "ps --json" 0 "^shared 2 $shared,$resident\$" bash -c '"$1" ps --json | python3 -c "
import json, sys
one = [s for s in json.load(sys.stdin) if s[\"pid\"] == $2][0]
print(one[\"state\"], one[\"node_count\"], \",\".join(map(str, one[\"residents\"])))"' _ "$SPCTL" "$shared"

check "nodes: home" 0 "^ *$shared +0\* +running +$shared +- +0 +3 +13 +21 " "$SPCTL" nodes "$shared"
check "nodes: the resident" 0 "^ *$shared +1 +running +$resident +- +0 +2 +12 +21 " "$SPCTL" nodes "$shared"
check "nodes: by the resident's number" 0 "^ *$shared +0\*" "$SPCTL" nodes "$resident"
check "nodes: names are harmless" 0 'worker\?$' "$SPCTL" nodes "$shared"
check "ps -T" 0 "^ *$shared +$shared +0 +[SRD] +00:00:00 +worker\?\$" "$SPCTL" ps -T
check "ps -T --json" 0 '"name": "worker\?"' "$SPCTL" ps --threads --json
check "nodes of all" 0 "^ *$native +0\*" "$SPCTL" nodes
check "nodes --json" 0 '"name": "worker\?"' "$SPCTL" nodes "$shared" --json
check "stats" 0 '^requests served +42 +21 +21$' "$SPCTL" stats "$shared"
check "stats: sealed" 0 '^other calls trapped +no need' "$SPCTL" stats "$shared"
check "stats: armed, and why" 0 '^other calls trapped +yes, because of start: /usr/bin/odd\?$' "$SPCTL" stats "$native"
check "stats --json: armed" 0 '"dispatch": "armed"' "$SPCTL" stats --json "$native"
check "stats --json" 0 "\"pid\": $shared" "$SPCTL" stats --json "$shared"
check "maps" 0 '^1e0000000000-1e0020000000 +rw-s +512 MiB +control' "$SPCTL" maps "$native"
check "maps: a range, and where it holds" 0 '^[0-9a-f]+10000-[0-9a-f]+30000 +rw- +128 KiB +arena 1 +1 +anonymous$' \
  "$SPCTL" maps "$shared"
check "maps: the resident's are the SubProcess's" 0 ' 128 KiB +arena 1 ' "$SPCTL" maps "$resident"
check "maps: no ranges while native" 1 "" bash -c '"$1" maps "$2" | grep SHARED' _ "$SPCTL" "$native"
check "maps --json" 0 '"region": "control"' "$SPCTL" maps --json "$native"

check "missed: refused first" 0 '^425 +io_uring_setup +7 +0' "$SPCTL" syscalls --missed "$native"
check "missed: trapped" 0 '^ *39 +getpid +0 +5' "$SPCTL" syscalls --missed "$native"
check "missed --json" 0 '"refused": 7' "$SPCTL" syscalls --missed "$native" --json
check "the table" 0 '^ *9 +mmap +all ' "$SPCTL" syscalls
check "a row" 0 '^ *56 +clone ' "$SPCTL" syscalls clone
check "a row as JSON" 0 '"name": "clone"' "$SPCTL" syscalls --json clone
refused "no such call" 125 "no_such_call" "$SPCTL" syscalls no_such_call

refused "a process without superproc" 125 "not under superproc" "$SPCTL" nodes $$
refused "no process" 125 "there is none" "$SPCTL" stats 2000000000
refused "a number that is none" 125 "see spctl" "$SPCTL" maps x
refused "maps wants a process" 125 "PID" "$SPCTL" maps
start version; refused "another version" 125 "version.*same build" "$SPCTL" stats "$pid"
check "ps goes on beside another version" 0 "^ *$native " "$SPCTL" ps
check "... and names it" 0 "process $pid: .*version" "$SPCTL" ps
start size; refused "another size" 125 "same build" "$SPCTL" nodes "$pid"
start nodes; refused "a thousand nodes" 125 "1000 nodes; it is damaged" "$SPCTL" maps "$pid"
start magic; refused "no segment" 125 "no control segment" "$SPCTL" stats "$pid"
for page in "" run ps nodes maps syscalls stats doctor bench; do
  check "help of '$page'" 0 "^Usage: " "$SPCTL" $page --help
done
check "version" 0 '^spctl [0-9]+\.[0-9]+\.[0-9]+$' "$SPCTL" --version
refused "no sub-command" 125 "see spctl --help" "$SPCTL"
refused "no such sub-command" 125 "see spctl --help" "$SPCTL" walk
finish
