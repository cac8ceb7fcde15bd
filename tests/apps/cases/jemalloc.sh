# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# An allocator that reserves large ranges, makes its arenas by thread and gives memory back with madvise.
needs="$PROGRAMS/allocations pigz"
prepare() { mixed 8 >mix; }
library() { echo /usr/lib/x86_64-linux-gnu/libjemalloc.so.2; }
body() {
  [ -e "$(library)" ] || { echo "no jemalloc"; return 1; }
  under env LD_PRELOAD="${LD_PRELOAD:-}" true || return
  LD_PRELOAD=$(library) under "$PROGRAMS/allocations" && LD_PRELOAD=$(library) under pigz -p4 -c "$INPUT/mix" | sha256sum
}
