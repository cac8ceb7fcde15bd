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
started=()
trap 'kill -9 "${started[@]}" 2>/dev/null; rm -rf "$WORK"' EXIT

sleepers() { "$SPCTL" ps 2>/dev/null | awk -v mark="$mark" '$NF == mark && $(NF - 1) == "sleep" && !/sh -c/ { print $1 }'; }
there_are() { [ "$(sleepers | wc -l)" = "$1" ]; }
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

  # kill
  check "kill: a signal of no consequence" 0 "" "$SPCTL" kill -0 $(sleepers)
  check "kill: all" 0 "" "$SPCTL" kill $(sleepers)
  soon none_left || wrong "$kind: sleepers are left"
  wait "$launcher"
  start 1 "${options[@]}" -- "sh -c 'trap \"echo got USR1\" USR1; echo ready; while :; do sleep 0.05; done' & a=\$!
    sleep $mark & b=\$!; wait \$b; echo second \$?; kill -9 \$a; wait \$a; echo first \$?"
  soon grep -q ready "$WORK/said"
  trapping() { "$SPCTL" ps | awk '/ sh -c trap/ && !/sh -c sh/ { print $1 }'; }
  check "kill: to a handler" 0 "" "$SPCTL" kill -s USR1 "$(trapping)"
  soon grep -q "got USR1" "$WORK/said" || wrong "$kind: the handler was not called"
  stopped() { grep -q "^State:.*stopped" "/proc/$1/status"; }
  check "kill: stop" 0 "" "$SPCTL" kill -STOP "$(sleepers)"
  soon stopped "$(sleepers)" || wrong "$kind: it goes on"
  check "kill: continue" 0 "" "$SPCTL" kill -CONT "$(sleepers)"
  check "kill: partly" 64 "there is none" "$SPCTL" kill -9 "$(sleepers)" 2000000000
  wait "$launcher"
  check "kill: as the parent sees it" 0 "^second 137" cat "$WORK/said"
  check "kill: ... a handled one did not end" 0 "^first 137" cat "$WORK/said"

  # trace
  check "trace: a program" 0 '^[0-9:.]+ \[[0-9]+\] 0 local  openat\(AT_FDCWD, "/etc/hostname", O_RDONLY\) += [0-9]+ <0\.[0-9]{6}>$' \
    "$SPCTL" trace "${options[@]}" -- cat /etc/hostname
  check "trace: its status" 7 ' exit_group\(7\) += \?$' "$SPCTL" trace "${options[@]}" -- sh -c 'exit 7'
  check "trace: what it ran" 0 ' execve\("/bin/true", 0x[0-9a-f]+, 0x[0-9a-f]+\) += 0 ' \
    "$SPCTL" trace "${options[@]}" -- sh -c 'exec /bin/true'
  check "trace: ... and that it could not" 127 'execve\("/no/such".* = -1 ENOENT' \
    "$SPCTL" trace "${options[@]}" -- sh -c 'exec /no/such'
  check "trace -c" 0 '^ *[0-9.]+ +[0-9.]+ +[0-9]+ +1 +local +openat$|^ *[0-9.]+ +[0-9.]+ +[0-9]+ +[0-9]+ +[0-9]* +local +openat$' \
    "$SPCTL" trace -c "${options[@]}" -- cat /etc/hostname
  check "trace -f" 0 "" "$SPCTL" trace -f "${options[@]}" -o "$WORK/trace" -- sh -c 'cat /etc/hostname; true'
  check "trace -f: the child's calls" 0 'openat\(AT_FDCWD, "/etc/hostname"' cat "$WORK/trace"
  check "trace -f: both ends" 0 '^2$' grep -c ' exit_group(0) *= ?$' "$WORK/trace"
  check "trace: without -f" 0 "" "$SPCTL" trace "${options[@]}" -o "$WORK/trace" -- sh -c 'cat /etc/hostname; true'
  check "trace: ... no child's" 1 "" grep -q '/etc/hostname"' "$WORK/trace"
  start 0 "${options[@]}" -- "while :; do sleep 0.01; echo tick >&2; done"
  ticking() { "$SPCTL" ps | awk '/sh -c while/ { print $1 }'; }
  ticks() { [ -n "$(ticking)" ]; }
  soon ticks || wrong "$kind: it does not tick"
  check "trace PID" 0 ' write\([12], "tick\\n", 5\) += 5 <' timeout -s INT --preserve-status 1 "$SPCTL" trace "$(ticking)"
  check "trace PID: it goes on as before" 0 "" kill -0 "$(ticking)"
  check "trace --json" 0 '^0 write 5$' bash -c 'timeout -s INT 1 "$1" trace --json "$2" | python3 -c "
import json, sys
all = [json.loads(line) for line in sys.stdin]
one = [e for e in all if e[\"name\"] == \"write\"][0]
print(one[\"node\"], one[\"name\"], one[\"result\"])"' _ "$SPCTL" "$(ticking)"
  check "trace --perfetto" 0 '^X write kernel$' bash -c 'timeout -s INT 1 "$1" trace --perfetto "$2" | python3 -c "
import json, sys
events = json.load(sys.stdin)[\"traceEvents\"]
one = [e for e in events if e[\"name\"] == \"write\"][0]
assert one[\"dur\"] >= 0 and one[\"ts\"] >= 0
print(one[\"ph\"], one[\"name\"], one[\"cat\"])"' _ "$SPCTL" "$(ticking)"
  rm -f "$WORK/first"
  "$SPCTL" trace -o "$WORK/first" "$(ticking)" &
  tracer=$!
  soon test -s "$WORK/first" || wrong "$kind: nothing is traced"
  refused "trace: one tracer at a time" 125 "process $tracer traces it already" "$SPCTL" trace "$(ticking)"
  kill -9 "$tracer"
  wait "$tracer"
  check "trace: after a dead tracer" 0 ' write\([12], "tick' timeout -s INT --preserve-status 1 "$SPCTL" trace "$(ticking)"
  check "kill the traced" 0 "" "$SPCTL" kill -9 "$(ticking)"
  wait "$launcher"

  # top
  start 1 "${options[@]}" -- "sh -c 'while :; do :; done # $mark' & sleep $mark; kill \$!"
  check "top: the busy one first" 0 '^while sleep$' bash -c '"$1" top -b -n 1 |
    awk -v mark="$2" "/done # / && index(\$0, mark) && !/sh -c sh/ { a = \"while\" } /[0-9]  sleep/ && index(\$0, mark) { print a, \"sleep\" }"' \
    _ "$SPCTL" "$mark"
  check "top: a node" 0 '^ *[0-9-]+ +0 +running +[1-9]' "$SPCTL" top -b -n 1
  check "top: two pictures" 0 '^2$' bash -c '"$1" top -b -n 2 -d 0.1 | grep -c "^spctl top - "' _ "$SPCTL"
  check "top --json" 0 '^True$' bash -c '"$1" top -n 2 -d 1 --json | tail -n 1 | python3 -c "
import json, sys
(busy,) = [s for s in json.load(sys.stdin)[\"subprocesses\"] if s[\"command\"].startswith(\"sh -c while\") and \"$2\" in s[\"command\"]]
print(0.01 < busy[\"cpus\"] < 1.5)"' _ "$SPCTL" "$mark"
  check "top: on a terminal, q ends it" 0 "^0 True\$" python3 -c '
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "top", "-d", "60"])
seen = b""
while b"COMMAND" not in seen:
    seen += os.read(terminal, 4096)
os.write(terminal, b"q")
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass
print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]), b"spctl top" in seen)' "$SPCTL"
  check "kill" 0 "" "$SPCTL" kill "$(sleepers)"
  wait "$launcher"

  # fds
  echo 0123456789 >"$WORK/file"
  start 1 "${options[@]}" -- "exec 7<'$WORK/file'; read -r line <&7; exec 8>>'$WORK/more'; cat <&0 & sleep $mark; true"
  check "fds: a file and its offset" 0 "^ *7 +file +[01]( shadow)? +11 +O_RDONLY +$WORK/file\$" "$SPCTL" fds "$(sleepers)"
  check "fds: another" 0 "^ *8 +file +[01]( shadow)? +0 +O_WRONLY\|O_APPEND +$WORK/more\$" "$SPCTL" fds "$(sleepers)"
  check "fds: JSON" 0 "^file 11 $WORK/file\$" bash -c '"$1" fds --json "$2" | python3 -c "
import json, sys
(line,) = [l for l in json.load(sys.stdin) if l[\"fd\"] == 7]
print(line[\"kind\"], line[\"offset\"], line[\"what\"])"' _ "$SPCTL" "$(sleepers)"
  check "kill" 0 "" "$SPCTL" kill -9 "$(sleepers)"
  wait "$launcher"
  start 0 "${options[@]}" -- "exec python3 -c '
import os, socket, select, time # $mark
s = socket.create_server((\"127.0.0.1\", 0)); e = select.epoll(); r, w = os.pipe()
print(\"port\", s.getsockname()[1], flush=True); time.sleep(60)'"
  soon grep -q port "$WORK/said"
  python() { "$SPCTL" ps | awk -v mark="$mark" '/python3 -c/ && index($0, mark) { print $1 }'; }
  check "fds: a socket" 0 " tcp +0 +- +O_RDWR\|O_CLOEXEC +127.0.0.1:$(awk '{ print $2 }' "$WORK/said") listens" "$SPCTL" fds "$(python)"
  check "fds: epoll" 0 " epoll +0 " "$SPCTL" fds "$(python)"
  check "fds: a pipe" 0 " pipe +0 +- +O_WRONLY\|O_CLOEXEC +pipe:" "$SPCTL" fds "$(python)"
  check "kill: the first program" 0 "" "$SPCTL" kill -TERM "$(python)"
  wait "$launcher"
done
# log and gc, in a folder of our own
export XDG_RUNTIME_DIR=$WORK/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"
check "log: nothing yet" 0 "" bash -c '[ -z "$("$1" log)" ]' _ "$SPCTL"
check "gc: nothing" 0 "" bash -c '[ -z "$("$1" gc)" ]' _ "$SPCTL"
if [ "${#kinds[@]}" = 2 ]; then
  check "a cluster" 0 "" "$SPCTL" run --isolate --nodes 3 -- sh -c 'sh -c "exit 3"; true'
  check "log: it begins" 0 "cluster: 3 nodes begin, the first one's spd is [0-9]+\$" "$SPCTL" log
  check "log: the program" 0 'node 0: 300 is the program: .*/sh$' "$SPCTL" log
  check "log: a move" 0 'node [12]: [0-9]+ begins here: .*/sh$' "$SPCTL" log
  check "log: an end" 0 'node [12]: [0-9]+ has ended with status 3$' "$SPCTL" log
  check "log -n" 0 '^1$' bash -c '"$1" log -n 1 | wc -l' _ "$SPCTL"
  check "log --json" 0 '"text":"300 has ended with status 0","node":0' "$SPCTL" log --json
  start 1 --isolate --nodes 3 -- "sleep $mark; sleep $mark"
  kill -9 "$(spd 2)"
  fenced() { "$SPCTL" log | grep -q 'node 2 is dead and fenced: its spd [0-9]* was killed by signal 9$'; }
  soon fenced || wrong "log says nothing of a dead node"
  "$SPCTL" kill -9 "$(sleepers)"
  soon there_are 1
  kill -9 "$launcher"
  wait "$launcher"
  said_so() { "$SPCTL" log | grep -q 'spctl was killed, and all nodes are$'; }
  soon said_so || wrong "log says nothing of a killed launcher"
  soon none_left || wrong "sleepers are left"
  "$SPCTL" up --nodes 2 --name lost
  read -r guard parent < <(awk 'NR == 2 { guard = $1 } NR == 3 { print guard, $1 }' "$XDG_RUNTIME_DIR/superproc/lost")
  check "gc: one that runs is left alone" 0 "" bash -c '[ -z "$("$1" gc)" ]' _ "$SPCTL"
  kill -9 "$guard" "$parent"
  stale() { "$SPCTL" gc --dry-run | grep -q '^would remove .*/lost: cluster lost, of which nothing runs$'; }
  soon stale || wrong "gc does not see a stale file"
  check "gc --dry-run removes nothing" 0 "" test -e "$XDG_RUNTIME_DIR/superproc/lost"
  check "gc" 0 '^removed .*/lost: cluster lost, of which nothing runs$' "$SPCTL" gc
  check "gc: it is gone" 1 "" test -e "$XDG_RUNTIME_DIR/superproc"
fi
"$SPCTL" run --nodes 2 -- true
check "gc leaves kept code" 0 '^1$' bash -c 'ls -d "$XDG_RUNTIME_DIR"/superproc-code | wc -l'
check "gc --code" 0 "-code: libraries. code, kept patched$" "$SPCTL" gc --code
check "gc --code: it is gone" 1 "" test -e "$XDG_RUNTIME_DIR/superproc-code"
echo damaged >"$XDG_RUNTIME_DIR/superproc-events"
chmod 600 "$XDG_RUNTIME_DIR/superproc-events"
check "log: a damaged one is none" 0 "" bash -c '[ -z "$("$1" log)" ]' _ "$SPCTL"
check "gc: a damaged log" 0 '^removed .*-events: an event log of another version, or damaged$' "$SPCTL" gc
refused "top without a terminal" 125 "top needs a terminal.*-b" "$SPCTL" top
refused "kill: nothing" 1 "no process" "$SPCTL" kill
refused "kill: no signal" 1 "no such signal" "$SPCTL" kill -s NONE 1
refused "kill: not a SubProcess" 1 "not under superproc" "$SPCTL" kill $$
refused "kill: nobody" 1 "there is none" "$SPCTL" kill 2000000000
refused "kill: a group without one" 1 "has no SubProcess" "$SPCTL" kill -9 -$$
check "kill -l" 0 '^KILL$' "$SPCTL" kill -l
check "kill -l 137" 0 '^KILL$' "$SPCTL" kill -l 137
check "kill -L" 0 '^ *15 +TERM$' "$SPCTL" kill -L
refused "fds of no SubProcess" 125 "not under superproc" "$SPCTL" fds $$
refused "trace of no SubProcess" 125 "not under superproc" "$SPCTL" trace $$
refused "trace of nothing" 125 "either a PID or a program" "$SPCTL" trace
for page in kill fds trace top log gc; do
  check "help of '$page'" 0 "^Usage: " "$SPCTL" $page --help
done
finish
