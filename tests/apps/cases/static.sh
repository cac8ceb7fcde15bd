# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A shell whose children are static programs: nothing can be preloaded into those. A moved shell's begin where its files are.
needs="bash busybox"
home_only=yes
prepare() {
  cat >go.sh <<'S'
busybox echo hello
busybox sh -c 'exit 4'; echo "status $?"
busybox sh -c 'kill -9 $$' 2>/dev/null; echo "status $?"
busybox seq 3 >numbers; busybox wc -l <numbers; busybox cat numbers
cd / && busybox pwd
busybox nosuch 2>/dev/null; echo "status $?"
busybox sleep 20 & busybox kill $!; wait $!; echo "status $?"
exit 5
S
}
body() {
  under bash "$INPUT/go.sh" 2>/dev/null
  [ $? = 5 ]
}
