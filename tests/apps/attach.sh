#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gdb, strace and perf attach to the home process of a running program and to its resident, as docs/debugging.md says, see
# its threads, and leave it unharmed. A tool that is not installed or not permitted here is named and left out.
#   attach.sh SPCTL
SPCTL=$1
WORK=$(mktemp -d)
checked=0 failed=0
sleep 1000 &
plain=$!
trap 'kill $program "$plain" 2>/dev/null; rm -rf "$WORK"' EXIT

cat >"$WORK/counting.py" <<'PYTHON'
import threading, time
def count(name):
    with open("/proc/thread-self/comm", "w") as comm:
        comm.write(name)
    while True:
        sum(range(2000))
        time.sleep(0.001)
for i in range(4):
    threading.Thread(target=count, args=(f"counting-{i}",), daemon=True).start()
while True:
    time.sleep(0.05)
    print(time.monotonic(), flush=True)
PYTHON
"$SPCTL" run --nodes 2 -- python3 "$WORK/counting.py" >"$WORK/lines" &
program=$!
for _ in $(seq 300); do
  "$SPCTL" ps -T 2>/dev/null >"$WORK/threads"
  [ "$(grep -c "^ *$program .* counting-" "$WORK/threads")" = 4 ] && break
  sleep 0.1
done
resident=$("$SPCTL" nodes "$program" 2>/dev/null | awk '$2 == "1" { print $4 }')

check() { # WHAT CONDITION...
  checked=$((checked + 1))
  local what=$1
  shift
  "$@" && return
  failed=$((failed + 1))
  printf 'FAILED %s\n' "$what"
  head -20 "$WORK/out"
}
goes_on() {
  local before
  before=$(wc -l <"$WORK/lines")
  for _ in $(seq 100); do
    [ "$(wc -l <"$WORK/lines")" -gt "$((before + 2))" ] && return
    sleep 0.05
  done
  false
}
usable() { # TOOL COMMAND...: whether it works on a process without superproc
  local tool=$1
  shift
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not installed: left out"
    return 1
  fi
  if ! "$@" >"$WORK/out" 2>&1; then
    echo "$tool is not permitted here: left out ($(tail -1 "$WORK/out"))"
    return 1
  fi
}

check "threads by name" [ "$(grep -c "^ *$program .* counting-" "$WORK/threads")" = 4 ]
check "a resident" [ -n "$resident" ]
gdb_quits() { timeout 60 gdb -nx -batch "$@"; }
if usable gdb gdb_quits -p "$plain" -ex 'info threads'; then
  for process in "$program" "$resident"; do
    gdb_quits -p "$process" -x "$(dirname "$0")/../../script/superproc.gdb" -ex superproc -ex 'superproc threads' \
      -ex 'thread apply all bt 3' >"$WORK/out" 2>&1
    check "gdb -p: superproc" grep -q "^SubProcess $program of SuperProcess $program, shared, 2 nodes" "$WORK/out"
    check "gdb -p: all threads by name" [ "$(grep -c ' running *counting-' "$WORK/out")" = 4 ]
    check "gdb -p: backtraces" grep -q '^#2 ' "$WORK/out"
    check "it goes on after gdb" goes_on
  done
fi
strace_a_second() {
  timeout -s INT 1 strace -f -o "$WORK/trace" "$@" 2>"$WORK/out"
  [ -e "$WORK/trace" ] && ! grep -q 'attach: ptrace' "$WORK/out"
}
if usable strace strace_a_second -p "$plain"; then
  for process in "$program" "$resident"; do
    strace_a_second -p "$process"
    check "strace -p: the threads' calls" grep -qE 'clock_nanosleep|select|futex' "$WORK/trace"
    check "it goes on after strace" goes_on
  done
fi
perf_record() { perf record -q -o "$WORK/perf" -p "$1" -- sleep "$2"; }
if usable perf perf_record "$plain" 0.1; then
  perf_record "$program,$resident" 1 >"$WORK/out" 2>&1
  perf report -i "$WORK/perf" --stdio --sort comm >"$WORK/out" 2>/dev/null
  for i in 0 1 2 3; do check "perf record -p: counting-$i" grep -q "counting-$i" "$WORK/out"; done
  check "it goes on after perf" goes_on
fi
kill "$program"
wait "$program"
check "it ends by our signal" [ $? = 143 ]
program=
echo "$((checked - failed)) of $checked checks passed"
[ "$failed" = 0 ]
