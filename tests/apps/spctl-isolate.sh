#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Isolated nodes with the real library: how a program ends, what outlives what, what is refused and how, and what ps, nodes,
# stats, maps and doctor say about a cluster from outside.
. "$(dirname "$0")/spctl-common.sh"
unset SUPERPROC_LIBRARY

"$SPCTL" doctor >"$WORK/doctor"
if ! grep -q '^ok *isolated nodes' "$WORK/doctor"; then
  grep -A1 'isolated nodes' "$WORK/doctor"
  echo "no isolated nodes here; skipped"
  exit 77
fi
isolate() { "$SPCTL" run --isolate "$@"; }

sleepers() { "$SPCTL" ps 2>/dev/null | grep -Ec "[0-9-]  +sleep $mark\$"; }
there_are() { [ "$(sleepers)" = "$1" ]; }
started=()
trap 'kill -9 "${started[@]}" 2>/dev/null; rm -rf "$WORK"' EXIT
start() { # COUNT SCRIPT: a cluster of three nodes that runs SCRIPT, which begins COUNT sleepers; its launcher in $launcher
  "$SPCTL" run --isolate --nodes 3 -- sh -c "$2" >"$WORK/said" 2>&1 &
  launcher=$!
  started+=("$launcher")
  soon there_are "$1" || wrong "$1 sleepers did not begin: $2"
}

# The program's own end is ours.
check "success" 0 "" isolate -- true
check "a status" 7 "" isolate -- sh -c 'exit 7'
check "a moved program's status" 9 "" isolate -- sh -c 'sh -c "exit 9"; exit $?'
for signal in KILL TERM SEGV INT; do
  check "death by SIG$signal" 0 "^-$(kill -l $signal)\$" python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$SPCTL" run --isolate -- sh -c "kill -$signal \$\$"
done
check "one node" 0 "" isolate --nodes 1 -- true
check "sixteen nodes" 0 '^16$' isolate --nodes 16 -- sh -c 'for i in $(seq 16); do hostname; done | wc -l'
printf 'exit 5\n' >"$WORK/plain"
chmod +x "$WORK/plain"
check "without #! a shell runs it" 5 "" isolate -- "$WORK/plain"

cpus='grep Cpus_allowed_list /proc/self/status'
check "all CPUs for each node" 0 '^1$' isolate -- sh -c "for i in 1 2; do $cpus; done | sort -u | wc -l"
[ "$(nproc)" -lt 2 ] || check "--cores-per-node" 0 '^2$' isolate --cores-per-node 1 -- sh -c "for i in 1 2; do $cpus; done | sort -u | wc -l"

# What goes through a pipe between two nodes is in shared memory. Each program begins when the one before it writes.
pipeline='yes | (read a; exec head -c 30000000) | (read a; exec wc -c)'
check "a pipe between two nodes" 0 '^29999998$' env SUPERPROC_FORK=stays SUPERPROC_SUMMARY="$WORK/pipes" "$SPCTL" run --isolate --nodes 3 -- sh -c "$pipeline"
grep -q '"node":2.*"pipe_bytes":[0-9]\{7,\}' "$WORK/pipes" || wrong "no pipe became a ring: $(cat "$WORK/pipes")"

# Memory that processes share.
cat >"$WORK/shares.py" <<'P'
import multiprocessing, time
how = multiprocessing.get_context("fork")
count, barrier = how.Value("i", 0), how.Barrier(6)
def child():
    time.sleep(0.01)
    barrier.wait()
    for _ in range(100):
        with count.get_lock():
            count.value += 1
children = [how.Process(target=child) for _ in range(6)]
for c in children: c.start()
for c in children: c.join()
print(count.value)
P
check "multiprocessing" 0 '^600$' env SUPERPROC_SUMMARY="$WORK/summary" "$SPCTL" run --isolate --nodes 3 -- python3 "$WORK/shares.py"
check "... on three nodes" 0 '^3$' python3 -c '
import json, sys
print(len({json.loads(line)["node"] for line in open(sys.argv[1])}))' "$WORK/summary"

# Descriptors.
cat >"$WORK/settled.py" <<'END'
import os
block = bytearray(b"x") * (48 << 20)
def has_settled(): # private memory that lies in a pool
    with open("/proc/self/maps") as maps:
        return any("rw-p" in line and "superproc-pool" in line for line in maps)
def of_child():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if block.count(b"x") == len(block) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(has_settled(), sum(of_child() for _ in range(6)), has_settled())
END
check "a parent's large memory is written once for all children" 0 '^False 0 True$' \
  env SUPERPROC_FORK=leaves "$SPCTL" run --isolate --nodes 2 -- python3 "$WORK/settled.py"
check "standard input and output" 0 '^ONE TWO$' bash -c 'echo one two | "$1" run --isolate -- cat | tr a-z A-Z' _ "$SPCTL"
check "... of a moved program" 0 '^ONE$' bash -c 'echo one | "$1" run --isolate -- sh -c "cat; true" | tr a-z A-Z' _ "$SPCTL"
check "standard error" 0 '^warned$' bash -c '"$1" run --isolate -- sh -c "echo warned >&2" 2>&1 >/dev/null' _ "$SPCTL"
check "others that are inherited" 0 '^three seven$' bash -c '"$1" run --isolate -- sh -c "read -r a <&3; read -r b <&7; echo \$a \$b" \
  3< <(echo three) 7< <(echo seven)' _ "$SPCTL"
check "an end of a pipe that the program closes" 0 '^0$' bash -c '
( exec "$1" run --isolate -- sh -c "exec >&-; exec 5>&-; sleep 5" ) 5>&1 | { cat; echo $((SECONDS >= 4)); }' _ "$SPCTL"

# A first program without the shim: what it starts chooses its node itself.
if command -v busybox >/dev/null; then
  check "a static shell, its children move" 0 '^2$' bash -c '
"$1" run --isolate -- busybox sh -c "for i in 1 2; do perl -e \"print readlink(q(/proc/self/ns/pid)), qq(\\n)\"; done" | sort -u | wc -l' _ "$SPCTL"
  check "... as its children: status, pipes" 0 '^A 7$' bash -c '
"$1" run --isolate -- busybox sh -c "echo a | perl -pe \"tr/a-z/A-Z/; s/\\n/ /\"; perl -e \"exit 7\"; echo \$?"' _ "$SPCTL"
fi

# What outlives what.
check "a child in the background does not hold us up" 0 '^0$' bash -c '
"$1" run --isolate -- sh -c "sleep $2 </dev/null >/dev/null 2>&1 &"; echo $((SECONDS >= 4))' _ "$SPCTL" 5
check "... and goes on" 0 "" isolate -- sh -c "sleep $mark &"
soon there_are 1 || wrong "a child in the background has ended with the first program"
check "ps: the SuperProcess has ended" 0 "^ *[0-9]+ +- +1 +native +1 +1 +[0-9]+ +[0-9]+ on 0 +sleep $mark\$" "$SPCTL" ps
kill -9 "$(spd 0)"
soon none_left || wrong "the end of the first node's spd leaves a process"

# What ps, nodes, stats and maps say.
start 3 "sleep $mark & sleep $mark & sleep $mark & wait"
read -r home moved < <("$SPCTL" ps --json 2>/dev/null | python3 -c "
import json, sys
for s in json.load(sys.stdin):
    if s['command'] == 'sleep $mark':
        i = s['isolated']
        if not i['moved']:
            first = s['superprocess']
        elif i['node'] == 1:
            moved, shadow, cluster = s['pid'], i['shadow']['pid'], i['cluster']
print(first, moved, shadow, cluster)")
read -r moved shadow cluster <<<"$moved"
check "ps: the first program" 0 "^ *$home +$home +3 +native +1 +0 +300 +- +sh -c " "$SPCTL" ps
check "ps: a moved one" 0 "^ *$moved +$home +1 +native +1 +1 +3[0-9]+ +$shadow on 0 +sleep $mark\$" "$SPCTL" ps
check "ps: a shadow is no SubProcess of its own" 1 "" bash -c '"$1" ps 2>/dev/null | grep "^ *$2 "' _ "$SPCTL" "$shadow"
check "the number inside" 0 "^$moved [0-9]+\$" bash -c 'awk "/^NSpid/ { print \$2, \$3 }" /proc/$1/status' _ "$moved"
check "ps -T" 0 "^ *$moved +$moved +0 +S +00:00:00 +sleep\$" "$SPCTL" ps -T
check "stats" 0 "^isolated on +node 1 of cluster $cluster, its number there 3[0-9]+\$" "$SPCTL" stats "$moved"
check "stats: the shadow" 0 "^its shadow +$shadow on node 0\$" "$SPCTL" stats "$moved"
check "maps" 0 'rw-s +[0-9. GiMB]+ +cluster ' "$SPCTL" maps "$moved"
check "nodes PID" 0 "^ *$moved +0\\* +[a-z]+ +$moved " "$SPCTL" nodes "$moved"
refused "a shadow is not one" 125 "not under superproc" "$SPCTL" nodes "$shadow"
check "nodes: the first one" 0 "^ *$cluster +0 +running +$cluster +- +memfds +300-[0-9]+ +0 +0 +- +-\$" "$SPCTL" nodes
check "nodes: another" 0 "^ *$cluster +1 +running +[0-9]+ +- +memfds +[0-9]+-[0-9]+ +1 +1 +- +-\$" "$SPCTL" nodes
check "nodes of one cluster" 0 "^ *$cluster +2 +running " "$SPCTL" nodes "$cluster"
check "nodes --json" 0 '^running 1$' bash -c '"$1" nodes --json "$2" | python3 -c "
import json, sys
(c,) = json.load(sys.stdin)
print(c[\"nodes\"][1][\"state\"], c[\"nodes\"][1][\"bodies\"])"' _ "$SPCTL" "$cluster"

# Ends by force.
began=$(date +%s%N)
kill -9 "$launcher"
soon none_left || wrong "kill -9 of the launcher leaves a process"
[ $(($(date +%s%N) - began)) -lt 1000000000 ] || wrong "kill -9 of the launcher takes more than a second"
checked=$((checked + 2))

start 2 "sleep $mark & a=\$!; sleep $mark & b=\$!; echo \$a; wait \$a; echo first \$?; kill \$b; wait \$b; echo second \$?"
read -r number <"$WORK/said" # the two race for their nodes
node=$("$SPCTL" ps --json 2>/dev/null | python3 -c "
import json, sys
print(*(s['isolated']['node'] for s in json.load(sys.stdin)
        if s['command'] == 'sleep $mark' and s['isolated']['inside'] == $number))")
kill -9 "$(spd "$node")"
wait "$launcher" || wrong "a node is killed, and the program on the first one did not end as it would"
check "... its processes were killed" 0 '^first 137$' cat "$WORK/said"
check "... others were not" 0 '^second 143$' cat "$WORK/said"
start 1 "sleep $mark; sleep $mark"
cluster=$(clusters)
kill -9 "$(spd 2)"
node_is_dead() { "$SPCTL" nodes "$cluster" | grep -q "^ *$cluster  *2  *dead  *- .* 20[0-9-]* [0-9:]* *-\$"; }
soon node_is_dead || wrong "nodes does not show a dead one"
kill "$launcher"
wait "$launcher"
[ $? = 143 ] || wrong "what the launcher is sent does not reach the program"
kill -9 "$(spd 0)" # as natively, the child has outlived it
soon none_left || wrong "the end of the first node leaves a process"
start 1 "trap 'exit 3' TERM; sleep $mark & wait"
kill "$launcher"
wait "$launcher"
[ $? = 3 ] || wrong "the program cannot handle what the launcher is sent"
kill -9 "$(spd 0)"
soon none_left || wrong "a process is left"

# Stopped from outside: who is at home for one that has moved.
start 1 "sleep $mark & wait; true"
read -r body shadow < <("$SPCTL" ps --json 2>/dev/null | python3 -c "
import json, sys
print(*next((s['pid'], s['isolated']['shadow']['pid']) for s in json.load(sys.stdin) if s['command'] == 'sleep $mark'))")
is_in_state() { grep -q "^State:.$1" "/proc/$body/status"; }
kill -STOP "$shadow"
soon is_in_state T || wrong "a stop from outside does not reach the body"
kill -CONT "$shadow"
soon is_in_state S || wrong "a continuation from outside does not reach the body"
kill -KILL "$shadow"
soon none_left || wrong "a kill from outside does not reach the body"
wait "$launcher"
checked=$((checked + 3))

# One record: of two programs that would leave one stays.
# shellcheck disable=SC2016 # the inner shell's
check "one record" 0 "^1$" env SUPERPROC_RECORDS=1 bash -c \
  '"$1" run --isolate --trace -- bash -c "sleep 0.5 | sleep 0.5 | sleep 0.5 | sleep 0.5" 2>&1 | grep -c "begins on"' _ "$SPCTL"

# What cannot be.
refused "natively" 125 "exclude each other" isolate --allow-native -- true
refused "inside" 125 "inside a SuperProcess" isolate -- "$SPCTL" run --isolate -- true
refused "a program that is not there" 127 "No such file" isolate -- /no/such/program
refused "not executable" 126 "Permission denied" isolate -- /etc/passwd
refused "too many nodes" 125 "1 to 16" isolate --nodes 17 -- true
cp /bin/true "$WORK/busy"
refused "a program that is being written" 126 "Text file busy" bash -c 'exec 9>>"$2/busy"; "$1" run --isolate -- "$2/busy"' \
  _ "$SPCTL" "$WORK"
refused "an old kernel" 125 "Syscall User Dispatch" "$WITHOUT_DISPATCH" "$SPCTL" run --isolate -- true
mkdir "$WORK/bin" "$WORK/lib"
cp "$SPCTL" "$WORK/bin"
ln -s "$(dirname "$SPCTL")/../lib/libsuperproc.so" "$WORK/lib"
refused "no spd" 125 "/spd: No such file.*install" "$WORK/bin/spctl" run --isolate -- true
cp "$(dirname "$SPCTL")/spd" "$WORK/bin"
refused "no Xen" 125 "/sp-xen: No such file.*without Xen" "$WORK/bin/spctl" run --backend xen -- true
refused "a backend that there is not" 125 "give embedded or xen" "$SPCTL" run --backend vm -- true
refused "no sp-shadow" 125 "/sp-shadow: No such file.*install" "$WORK/bin/spctl" run --isolate -- true
if unshare -U --map-root-user true 2>/dev/null; then # limits of a user namespace of our own
  for kind in pid mnt; do
    limited() { unshare -U --map-root-user sh -c 'echo 1 >/proc/sys/user/max_'$kind'_namespaces; exec "$@"' _ "$@"; }
    refused "too many $kind namespaces" 125 "namespaces.*see spctl doctor" limited "$SPCTL" run --isolate --nodes 4 -- true
    check "... doctor says so" 0 "^warn +isolated nodes +.*max_" limited "$SPCTL" doctor
  done
  refused "no user namespace" 125 "user namespace.*see spctl doctor" unshare -U --map-user=1000 "$SPCTL" run --isolate -- true
fi
check "doctor: they can be had" 0 '^ok +isolated nodes' cat "$WORK/doctor"
finish
