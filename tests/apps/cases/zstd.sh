# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Threads and a pipeline with tar around them.
needs="zstd tar"
prepare() { mixed >mix; }
body() {
  under zstd -q -T2 -5 -c "$INPUT/mix" >file.zst && under zstd -dqc file.zst | cmp - "$INPUT/mix" &&
    under bash -c 'tar -C "$INPUT" -cf - mix | zstd -q -T2 -3 | zstd -dq | tar -xf -' && cmp mix "$INPUT/mix"
}
