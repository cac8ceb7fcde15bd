#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kept code (shim/kept_code.hpp): the second program maps what the first has kept, and no program what it cannot trust.
. "$(dirname "$0")/spctl-common.sh"
unset SUPERPROC_LIBRARY
export XDG_RUNTIME_DIR=$WORK/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"
folder=$XDG_RUNTIME_DIR/superproc-code

maps() { "$SPCTL" run --nodes 2 -- cat /proc/self/maps; }
uses() { grep -q "r-xp.* $folder/"; }
takes_kept() { maps >"$WORK/maps" && uses <"$WORK/maps"; }
patches() { maps >"$WORK/maps" && ! uses <"$WORK/maps"; }
libc() { find "$folder" -name 'libc.so.6-*'; }
afresh() { rm -rf "$folder" "$WORK/elsewhere"; maps >"$WORK/maps"; }
# What is done to libc's file; then nobody may map it, and every program runs all the same.
spoilt() { # NAME COMMAND...: with {} for the file
  local name=$1 file
  shift
  afresh
  file=$(libc)
  "${@//\{\}/$file}" || wrong "$name: cannot be made"
  maps >"$WORK/maps" || wrong "$name: a program does not run"
  grep -q "r-xp.* $file\$" "$WORK/maps" && wrong "$name: it is mapped"
  checked=$((checked + 1))
}
# A byte so far before the end.
flip() { # FILE DISTANCE
  chmod 600 "$1"
  python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-int(sys.argv[2]), 2)
    byte = file.read(1)[0]
    file.seek(-1, 1)
    file.write(bytes([byte ^ 0x55]))
END
  chmod 400 "$1"
}
shorten() { chmod 600 "$1" && truncate -s "$2" "$1" && chmod 400 "$1"; }
replace() { mv "$1" "$WORK/elsewhere" && ln -s "$WORK/elsewhere" "$1"; }

check "the first program patches for itself" 0 "" patches
check "its code is kept" 0 "" test -f "$(libc)"
check "for this user alone" 0 '^700 400$' bash -c 'echo $(stat -c %a "$1" "$2")' _ "$folder" "$(libc)"
check "the second one maps it" 0 "" takes_kept
check "on isolated nodes as well" 0 "" bash -c '"$1" run --isolate --nodes 2 --placement alternate -- sh -c "cat /proc/self/maps; true" |
  grep -q "r-xp.* $2/" || ! "$1" doctor | grep -q "^ok *isolated nodes"' _ "$SPCTL" "$folder"
check "a traced one patches for itself" 0 "" bash -c 'command -v strace >/dev/null || exit 0
  strace -f -o /dev/null "$1" run --nodes 2 -- cat /proc/self/maps >"$2" && ! grep -q "r-xp.* $3/" "$2"' _ "$SPCTL" "$WORK/maps" "$folder"

# The record at the end: magic, two build ids, four words of whom it is for, two of the stubs, the sites.
spoilt "another magic" flip {} 120
spoilt "another library" flip {} 112
spoilt "another shim" flip {} 80
spoilt "another distance" flip {} 48
spoilt "stubs elsewhere" flip {} 24
spoilt "more stubs" flip {} 16
spoilt "a shorter one" shorten {} -4096
spoilt "an empty one" shorten {} 0
spoilt "one that others may write" chmod 422 {}
spoilt "one that others may read" chmod 404 {}
spoilt "a link" replace {}
if [ "$(id -u)" = 0 ]; then spoilt "another user's" chown 65534 {}; fi

afresh
chmod 755 "$folder"
check "no folder that others may enter" 0 "" patches
rm -rf "$folder"
mkdir -m 700 "$WORK/elsewhere"
ln -s "$WORK/elsewhere" "$folder"
check "no folder by a link" 0 "" patches
check "nor anything kept there" 0 '^0$' bash -c 'ls "$1" | wc -l' _ "$WORK/elsewhere"
rm -rf "$folder" "$WORK/elsewhere"
check "a new folder" 0 "" maps
check "is used again" 0 "" takes_kept
finish
