# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Bounded rounds of thread creation, futexes, memory maps, forks and signals.
# Not --mutex with a bound: where its first thread is done before the creator looks again, it says that it could create
# none; natively too, seen with strace -e inject=clone3:delay_exit=200000.
needs=stress-ng
body() {
  under stress-ng --quiet --no-rand-seed --temp-path . --timeout 15 --pthread 2 --pthread-ops 200 || return
  under stress-ng --quiet --no-rand-seed --temp-path . --timeout 15 --fork 2 --fork-ops 200 --vfork 1 --vfork-ops 100 || return
  under stress-ng --quiet --no-rand-seed --temp-path . --timeout 15 --futex 2 --futex-ops 2000 \
    --pipe 1 --pipe-ops 2000 --exec 1 --exec-ops 50 --clone 1 --clone-ops 50 || return
  under stress-ng --quiet --no-rand-seed --temp-path . --timeout 15 --sigsegv 1 --sigsegv-ops 200 \
    --malloc 1 --malloc-pthreads 4 --malloc-ops 20000 --malloc-bytes 8M
}
