#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spctl bench as a program: its JSON, its choice, its errors. What it measures here means nothing (the SubProcess is
# pretended), only that both kinds are measured and compared.
. "$(dirname "$0")/spctl-common.sh"
check "JSON" 0 '^null-call ns 1.2 True True 3 3$' bash -c '"$1" bench --json --quick --only "^null-call$" | python3 -c "
import json, sys
(row,) = json.load(sys.stdin)
assert set(row) >= {\"name\", \"unit\", \"native\", \"superproc\", \"ratio\", \"accept\", \"ok\"}
print(row[\"name\"], row[\"unit\"], row[\"accept\"], abs(row[\"ratio\"] - row[\"superproc\"] / row[\"native\"]) < 1e-9,
      isinstance(row[\"ok\"], bool), len(row[\"native_runs\"]), len(row[\"superproc_runs\"]))"' _ "$SPCTL"
check "nothing judged where nothing is accepted" 0 '"ok": null' "$SPCTL" bench --json --quick --runs 1 --only '^signal-self$'
check "a table" 0 'true-start +ms ' "$SPCTL" bench --quick --runs 1 --only true-start
check "the picture goes away" 0 '^histogram$' bash -c '
mkdir "$2/pictures"; TMPDIR=$2/pictures "$1" bench --json --quick --runs 1 --only histogram | python3 -c "
import json, sys; print(json.load(sys.stdin)[0][\"name\"])"; rmdir "$2/pictures"' _ "$SPCTL" "$WORK"
check "where it is installed" 0 '^null-call churn-4k$' bash -c '
cmake --install "$(dirname "$1")/.." --prefix "$2/installed" >/dev/null && "$2/installed/bin/spctl" bench --json --quick --runs 1 --only "^(null-call|churn-4k)$" |
  python3 -c "import json, sys; print(*(row[\"name\"] for row in json.load(sys.stdin) if row[\"ratio\"]))"' _ "$SPCTL" "$WORK"
check "the names" 0 '^churn-64k$' "$SPCTL" bench --list
refused "no such name" 125 "no measurement" "$SPCTL" bench --only nothing-like-it
refused "no expression" 125 "regular expression" "$SPCTL" bench --only '['
refused "no runs" 125 "see spctl" "$SPCTL" bench --runs 0
refused "no library" 125 "SUPERPROC_LIBRARY" env SUPERPROC_LIBRARY=/no/library.so "$SPCTL" bench --only null-call
finish
