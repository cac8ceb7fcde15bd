# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# For the tests of spctl: `check NAME STATUS TEXT COMMAND...` runs a command and compares its exit status, and looks for
# TEXT (a regular expression, may be empty) in what it says. The last line counts.
SPCTL=$1
PRETENDED=$2
WITHOUT_DISPATCH=$3
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export SUPERPROC_LIBRARY=$PRETENDED
unset SUPERPROC_NODES SUPERPROC_ID SUPERPROC_PRETEND LD_PRELOAD
checked=0
failed=0

wrong() {
  failed=$((failed + 1))
  printf 'FAILED %s\n' "$*"
}

check() {
  local name=$1 status=$2 text=$3 seen
  shift 3
  checked=$((checked + 1))
  # In a subshell, so that the shell's own report of a signal goes to a file too.
  ( "$@" ) >"$WORK/out" 2>"$WORK/err" </dev/null
  seen=$?
  if [ "$seen" != "$status" ]; then wrong "$name: exit status $seen, expected $status: $*"; head -5 "$WORK/out" "$WORK/err"; fi
  if [ -n "$text" ] && ! grep -Eq -- "$text" "$WORK/out" "$WORK/err"; then
    wrong "$name: nothing like '$text' in what it said: $*"
    head -5 "$WORK/out" "$WORK/err"
  fi
}

# As check, and what it says is exactly one line that begins with "spctl: ".
refused() {
  check "$@"
  if [ "$(wc -l <"$WORK/err")" != 1 ] || ! grep -q '^spctl: ' "$WORK/err"; then
    wrong "$1: not one line from spctl:"
    head -5 "$WORK/err"
  fi
}

mark=1000.$$ # how long a test's programs would sleep: tells them from others
none_left() { ! pgrep -fx "sleep $mark" >"$WORK/left"; } # no shadow either; a defunct process has no arguments
# Of isolated nodes.
clusters() { # of our sleepers
  "$SPCTL" ps --json 2>/dev/null | python3 -c "
import json, sys
print(*{s['isolated']['cluster'] for s in json.load(sys.stdin) if s['command'] == 'sleep $mark'})"
}
spd() { # NODE: of our cluster
  "$SPCTL" nodes "$(clusters)" | awk -v node="$1" '$2 == node { print $4 }'
}

soon() { # CONDITION...: within ten seconds
  local _
  for _ in $(seq 200); do
    "$@" && return
    sleep 0.05
  done
  return 1
}

finish() {
  echo "$((checked - failed)) of $checked checks passed"
  [ "$failed" = 0 ]
}
