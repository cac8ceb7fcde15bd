# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Threads with large private buffers, handed to each other.
needs=xz
prepare() { mixed 10 >mix; }
body() {
  under xz -T2 -1 --block-size=1MiB -c "$INPUT/mix" >file.xz && under xz -T2 -dc file.xz | cmp - "$INPUT/mix" &&
    under xz -l file.xz
}
