# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# C++ threads, one for each block, and signal handling threads.
needs="pbzip2 bzip2"
prepare() { mixed 10 >mix; }
body() {
  under pbzip2 -p4 -1 -c "$INPUT/mix" >file.bz2 && bzip2 -dc file.bz2 | cmp - "$INPUT/mix" &&
    under pbzip2 -p4 -d -c file.bz2 | sha256sum
}
