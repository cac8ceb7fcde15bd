# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Four compressing threads, a writing one, and a pipe at each end.
needs="pigz gzip"
prepare() { mixed >mix; }
body() {
  under pigz -p4 -c "$INPUT/mix" >file.gz && gzip -dc file.gz | cmp - "$INPUT/mix" &&
    under pigz -p4 -9 -b 64 <"$INPUT/mix" | sha256sum && under pigz -p4 -dc file.gz | sha256sum
}
