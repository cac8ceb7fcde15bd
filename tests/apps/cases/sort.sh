# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Merging threads, and compressing children forked from them.
needs="sort gzip"
prepare() { mixed 16 | tr -c '[:print:]\n' x | rev >lines 2>/dev/null; }
body() {
  LC_ALL=C under sort --parallel=2 -S 200M "$INPUT/lines" | sha256sum &&
    LC_ALL=C under sort --parallel=4 -S 3M -T . --compress-program=gzip "$INPUT/lines" | sha256sum
}
