#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spctl doctor: it says that it runs, or which thing is missing and what to do.
. "$(dirname "$0")/spctl-common.sh"
check "it runs" 0 '^superproc runs here\.$' "$SPCTL" doctor
check "JSON" 0 '^True [0-9]+$' bash -c '"$1" doctor --json | python3 -c "
import json, sys
d = json.load(sys.stdin)
assert all(f[\"grade\"] in (\"ok\", \"warn\", \"fail\") and f[\"name\"] and f[\"what\"] for f in d[\"findings\"])
print(d[\"runs\"], len(d[\"findings\"]))"' _ "$SPCTL"
check "no library" 1 '^superproc cannot run here\.$' env SUPERPROC_LIBRARY=/no/library.so "$SPCTL" doctor
check "... is a failure with its cause" 1 '^fail +library .*/no/library.so' env SUPERPROC_LIBRARY=/no/library.so "$SPCTL" doctor
check "no Syscall User Dispatch" 1 '^fail +syscall user dispatch' "$WITHOUT_DISPATCH" "$SPCTL" doctor
check "too many nodes for the CPUs" 0 '^warn +CPUs' taskset -c "$(taskset -cp $$ | grep -Eo '[0-9]+' | tail -1)" "$SPCTL" doctor --nodes 2
check "a limited address space" 0 'ulimit -v unlimited' bash -c 'ulimit -v 4000000; "$1" doctor' _ "$SPCTL"
refused "a thousand nodes" 125 "see spctl" "$SPCTL" doctor --nodes 1000
check "no colours in a pipe" 1 "" bash -c '"$1" doctor | grep -P "\x1b"' _ "$SPCTL"
check "colours on a terminal" 0 "" bash -c 'env -u NO_COLOR TERM=xterm script -qec "$1 doctor" /dev/null </dev/null | grep -qP "\x1b\[32m"' _ "$SPCTL"
check "NO_COLOR" 1 "" bash -c 'NO_COLOR=1 script -qec "$1 doctor" /dev/null </dev/null | grep -P "\x1b\["' _ "$SPCTL"
finish
