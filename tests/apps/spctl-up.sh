#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Clusters that last: up, down, programs that share one, and that nothing is left whoever is killed.
. "$(dirname "$0")/spctl-common.sh"
unset SUPERPROC_LIBRARY
if ! "$SPCTL" doctor | grep -q '^ok *isolated nodes'; then
  echo "no isolated nodes here; skipped"
  exit 77
fi
export XDG_RUNTIME_DIR=$WORK/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
FOLDER=$XDG_RUNTIME_DIR/superproc
trap '"$SPCTL" down 2>/dev/null; "$SPCTL" down other 2>/dev/null; rm -rf "$WORK"' EXIT

sleepers() { pgrep -fxc "sleep $mark"; }
there_are() { [ "$(sleepers)" = "$1" ]; } # with shadows
there_is_one() { [ "$(sleepers)" -ge 1 ]; }
line() { awk -v line="$2" 'NR == line { print $1 }' "$FOLDER/$1"; } # NAME NUMBER: guard 2, parent 3, first spd 4
in_it() { "$SPCTL" run --cluster default "$@"; }
gone() { [ ! -e "$FOLDER" ] && ! pgrep -fx "sleep $mark" >/dev/null && ! kill -0 "$1" 2>/dev/null; }
up() { "$SPCTL" up --nodes 3 2>/dev/null || wrong "up"; }

refused "run, but there is none" 125 "cluster default does not run; .*spctl up" in_it true
refused "down, but there is none" 125 "there is no cluster default" "$SPCTL" down
refused "no name" 125 "not a name" "$SPCTL" up --name ../x
refused "no number of nodes" 125 "1 to 16" "$SPCTL" up --nodes 17
check "up" 0 "^spctl: cluster default of 3 nodes runs" "$SPCTL" up --nodes 3
refused "twice" 125 "cluster default runs already" "$SPCTL" up
check "another" 0 "" "$SPCTL" up --name other --nodes 2
check "the folder is private" 0 "^700\$" stat -c %a "$FOLDER"

# A program there is as natively.
check "a status" 7 "" in_it sh -c 'exit 7'
check "a moved program's status" 9 "" in_it sh -c 'sh -c "exit 9"; exit $?'
for signal in KILL TERM SEGV INT; do
  check "death by SIG$signal" 0 "^-$(kill -l $signal)\$" python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$SPCTL" run --cluster default -- sh -c "kill -$signal \$\$"
done
check "its folder" 0 "^$WORK\$" bash -c 'cd "$2"; "$1" run --cluster default -- sh -c "pwd"' _ "$SPCTL" "$WORK"
check "its environment" 0 '^seen$' env MARK=seen "$SPCTL" run --cluster default -- sh -c 'echo $MARK'
check "its limits" 0 '^123$' bash -c 'ulimit -n 123; "$1" run --cluster default -- bash -c "bash -c \"ulimit -n\"; :"' _ "$SPCTL"
check "its descriptors" 0 '^three seven$' bash -c '"$1" run --cluster default -- sh -c "read -r a <&3; read -r b <&7; echo \$a \$b" \
  3< <(echo three) 7< <(echo seven)' _ "$SPCTL"
check "pipes" 0 '^ONE$' bash -c 'echo one | "$1" run --cluster default -- sh -c "cat; true" | tr a-z A-Z' _ "$SPCTL"
check "the other nodes" 0 '^3$' in_it sh -c 'for i in 1 2 3 4 5 6; do readlink /proc/self/ns/pid; done | sort -u | wc -l'
check "several at once" 0 '^12$' bash -c 'for i in $(seq 12); do "$1" run --cluster default -- sh -c "sleep 0.2; echo x" & done | wc -l' _ "$SPCTL"
check "two clusters" 0 '^2$' bash -c 'for c in default other; do "$1" run --cluster $c -- readlink /proc/self/ns/pid; done | sort -u | wc -l' _ "$SPCTL"
refused "a program that is not there" 127 "No such file" in_it /no/such/program
refused "not executable" 126 "Permission denied" in_it /etc/passwd
refused "the cluster's own options" 125 "give them to spctl up" in_it --nodes 2 -- true
refused "natively" 125 "exclude each other" in_it --allow-native -- true
check "nodes: its name" 0 ' default$' "$SPCTL" nodes
check "doctor: it runs" 0 '^ok +lasting clusters +default, other' "$SPCTL" doctor

# Signals and job control.
"$SPCTL" run --cluster default -- sh -c "trap 'exit 3' TERM; sleep $mark & wait" &
launcher=$!
soon there_is_one || wrong "a program with a child did not begin"
kill "$launcher"
wait "$launcher"
[ $? = 3 ] || wrong "what the launcher is sent does not reach the program"
pkill -fx "sleep $mark"
soon there_are 0 || wrong "what it has left behind cannot be killed"
check "stop and continue" 0 '^stopped by 20, continued, 5$' python3 -c '
import os, signal, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, setpgroup=0)
_, status = os.waitpid(pid, os.WUNTRACED)
stopped = os.WSTOPSIG(status)
os.killpg(pid, signal.SIGCONT)
print(f"stopped by {stopped}, continued, {os.WEXITSTATUS(os.waitpid(pid, 0)[1])}")' \
  "$SPCTL" run --cluster default -- sh -c 'kill -TSTP $$; exit 5'

# Ends.
"$SPCTL" run --cluster default -- sleep "$mark" &
launcher=$!
soon there_are 1 || wrong "a program did not begin"
kill -9 "$launcher"
soon there_are 0 || wrong "kill -9 of the launcher leaves the program"
check "... and the cluster goes on" 0 "" in_it true
for victim in 2 3 4; do # guard, parent, first spd
  "$SPCTL" run --cluster default -- sh -c "sleep $mark & sleep $mark & wait" 2>"$WORK/said" &
  launcher=$!
  soon there_is_one || wrong "sleepers did not begin"
  sleep 0.2
  first=$(line default 4)
  kill -9 "$(line default $victim)"
  wait "$launcher"
  [ $? = 137 ] || wrong "the cluster has ended, the program's status is not SIGKILL"
  grep -q "first node of cluster default has ended" "$WORK/said" || wrong "... it is not said: $(cat "$WORK/said")"
  soon [ ! -e "$FOLDER/default" ] || wrong "the file of the cluster is left after kill -9 of $victim"
  soon there_are 0 || wrong "a process is left after kill -9 of $victim"
  kill -0 "$first" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$first/status" && wrong "its spd is left"
  up
  checked=$((checked + 1))
done
kill -9 "$(line default 2)" "$(line default 3)"
soon "$SPCTL" up --nodes 2 2>/dev/null || wrong "a stale file is not recognised"
"$SPCTL" run --cluster default -- sleep "$mark" &
launcher=$!
soon there_are 1 || wrong "a program did not begin"
kill -STOP "$launcher"
check "down, with a stopped launcher" 0 "" timeout 8 "$SPCTL" down
wait "$launcher"
check "down" 0 "" "$SPCTL" down other
gone "$launcher" || wrong "down leaves something: $(ls -A "$XDG_RUNTIME_DIR")"

# Whose the folder is.
chmod 777 "$XDG_RUNTIME_DIR"
check "another's folder is not used" 0 "" "$SPCTL" up --name nobodys
[ ! -e "$FOLDER" ] || wrong "a folder that others may write was used"
check "... nor found" 0 "" "$SPCTL" down nobodys
finish
