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

# A program into whose loader a byte was written when it began, as breakpoints are. Its code is mapped from nowhere else.
touched() { # MAPS
  python3 - "$SPCTL" >"$1" <<'END' && ! grep -q "r-xp.* $folder/ld-" "$1" && grep -q "r-xp.* $folder/libc" "$1"
import ctypes, os, signal, struct, sys
TRACEME, CONT, DETACH, BASE, ENTRY = 0, 7, 17, 7, 24
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
pid = os.fork()
if pid == 0:
    libc.ptrace(TRACEME, 0, None, None)
    os.execv(sys.argv[1], [sys.argv[1], "run", "--nodes", "2", "--", "cat", "/proc/self/maps"])
while os.WIFSTOPPED(os.waitpid(pid, 0)[1]) and not os.readlink(f"/proc/{pid}/exe").endswith("/cat"):
    libc.ptrace(CONT, pid, None, None)
words = struct.iter_unpack("QQ", open(f"/proc/{pid}/auxv", "rb").read())
loader = dict(words)[BASE]
with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
    memory.seek(loader + ENTRY)
    at = loader + struct.unpack("Q", memory.read(8))[0]
    memory.seek(at)
    byte = memory.read(1)
    memory.seek(at)
    memory.write(byte)
libc.ptrace(DETACH, pid, None, None)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

check "the first program patches for itself" 0 "" patches
check "its code is kept" 0 "" test -f "$(libc)"
check "for this user alone" 0 '^700 400$' bash -c 'echo $(stat -c %a "$1" "$2")' _ "$folder" "$(libc)"
check "the second one maps it" 0 "" takes_kept
check "on isolated nodes as well" 0 "" bash -c '"$1" run --isolate --nodes 2 --placement alternate -- sh -c "cat /proc/self/maps; true" |
  grep -q "r-xp.* $2/" || ! "$1" doctor | grep -q "^ok *isolated nodes"' _ "$SPCTL" "$folder"
check "not in place of what somebody has written to" 0 "" touched "$WORK/maps"
check "whose code is not kept either" 0 '^2$' bash -c 'ls "$1" | wc -l' _ "$folder"

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
