#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spctl run: exit statuses, what is refused and how, the environment that a program gets.
. "$(dirname "$0")/spctl-common.sh"

# The program's own end is ours.
check "success" 0 "" "$SPCTL" run -- true
check "failure" 1 "" "$SPCTL" run false
check "a status" 7 "" "$SPCTL" run --nodes 2 -- sh -c 'exit 7'
check "status 255" 255 "" "$SPCTL" run --nodes 2 -- sh -c 'exit 255'
for signal in KILL TERM SEGV ABRT INT; do
  check "death by SIG$signal" 0 "^-$(kill -l $signal)\$" python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$SPCTL" run -- sh -c "kill -$signal \$\$"
  check "death by SIG$signal with a summary" 0 "^-$(kill -l $signal)\$" python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$SPCTL" run --summary "$WORK/summary" -- sh -c "kill -$signal \$\$"
done
check "it is the program's parent's child" 0 "" bash -c '"$1" run -- sh -c "[ \$PPID = $$ ]"; exit $?' _ "$SPCTL"

# Options end where the program begins.
check "the program's options are its own" 0 '^--nodes 0 -- x$' "$SPCTL" run --nodes 3 echo --nodes 0 -- x
check "a double dash belongs to spctl once" 0 '^-- a$' "$SPCTL" run -- echo -- a
check "an option with =" 0 '^5$' "$SPCTL" run --nodes=5 sh -c 'echo $SUPERPROC_NODES'

# The environment.
check "nodes and placement" 0 '^16 fill 1$' "$SPCTL" run --nodes 16 --placement fill --cores-per-node 1 -- \
  sh -c 'echo $SUPERPROC_NODES $SUPERPROC_PLACEMENT $SUPERPROC_CORES_PER_NODE'
check "two nodes by default" 0 '^2$' "$SPCTL" run -- sh -c 'echo $SUPERPROC_NODES'
check "inherited nodes" 0 '^4$' env SUPERPROC_NODES=4 "$SPCTL" run -- sh -c 'echo $SUPERPROC_NODES'
check "alternate is round-robin" 0 '^round-robin$' "$SPCTL" run --placement alternate -- sh -c 'echo $SUPERPROC_PLACEMENT'
check "a new SuperProcess inside another" 0 '^3 none$' env SUPERPROC_ID=1:2 "$SPCTL" run --nodes 4 -- "$SPCTL" run \
  --nodes 3 -- sh -c 'echo $SUPERPROC_NODES ${SUPERPROC_ID:-none}'
check "the library once, and first" 0 "^$PRETENDED\$" "$SPCTL" run -- "$SPCTL" run -- sh -c 'echo $LD_PRELOAD'

# What cannot be.
refused "no program" 125 "no program given" "$SPCTL" run
refused "no program after the dashes" 125 "no program given" "$SPCTL" run --nodes 2 --
for nodes in 0 17 1000 -1 two ""; do
  [ -z "$nodes" ] || refused "--nodes $nodes" 125 "1 to 16" "$SPCTL" run --nodes "$nodes" -- true
done
refused "SUPERPROC_NODES=0" 125 "SUPERPROC_NODES" env SUPERPROC_NODES=0 "$SPCTL" run -- true
refused "--nodes without a number" 125 "see spctl" "$SPCTL" run --nodes
refused "an unknown option" 125 "--nodse" "$SPCTL" run --nodse 2 -- true
refused "an unknown policy" 125 "round-robin" "$SPCTL" run --placement nowhere -- true
refused "more CPUs than there are" 125 "CPUs" "$SPCTL" run --cores-per-node 100000 -- true
refused "a program that is not there" 127 "not found in PATH" "$SPCTL" run -- no-such-program
refused "a path that is not there" 127 "No such file" "$SPCTL" run -- /no/such/program
refused "an empty name" 127 "empty" "$SPCTL" run -- ""
refused "a folder" 126 "Is a directory" "$SPCTL" run -- /
echo "true" >"$WORK/plain"
refused "not executable" 126 "Permission denied" "$SPCTL" run -- "$WORK/plain"
refused "not executable in PATH" 126 "not executable" env PATH="$WORK:/nowhere" "$SPCTL" run -- plain
chmod +x "$WORK/plain"
check "without #! a shell runs it" 0 "" "$SPCTL" run -- "$WORK/plain"
printf '\0\1\2\3 nothing known' >"$WORK/unknown"
chmod +x "$WORK/unknown"
refused "an unknown format" 126 "format" "$SPCTL" run -- "$WORK/unknown"

# Scripts are judged by their interpreter.
printf '#!/bin/sh\nexit 9\n' >"$WORK/script"
printf '#!/no/interpreter\n' >"$WORK/lost"
printf '#! %s/static argument\n' "$WORK" >"$WORK/static-script"
chmod +x "$WORK/script" "$WORK/lost" "$WORK/static-script"
check "a script" 9 "" "$SPCTL" run -- "$WORK/script"
refused "a script without its interpreter" 127 "interpreter /no/interpreter" "$SPCTL" run -- "$WORK/lost"

# ELF files that the shim cannot be loaded into, made of a program that is there.
python3 - "$WORK" <<'P'
import struct, sys
work = sys.argv[1]
true = bytearray(open('/bin/true', 'rb').read())
def write(name, data):
    import os
    open(work + '/' + name, 'wb').write(data); os.chmod(work + '/' + name, 0o755)
narrow = bytearray(true); narrow[4] = 1; write('narrow', narrow)
arm = bytearray(true); struct.pack_into('<H', arm, 18, 183); write('arm', arm)
object_file = bytearray(true); struct.pack_into('<H', object_file, 16, 1); write('object', object_file)
write('short', true[:70])
headers, count = struct.unpack_from('<Q', true, 32)[0], struct.unpack_from('<H', true, 56)[0]
lost = bytearray(true)
for i in range(count):
    at = headers + 56 * i
    if struct.unpack_from('<I', true, at)[0] == 3:
        offset = struct.unpack_from('<Q', true, at + 8)[0]
        lost[offset:offset + 4] = b'/xyz'
write('loaderless', lost)
P
refused "a 32-bit program" 125 "32-bit" "$SPCTL" run -- "$WORK/narrow"
refused "another machine's" 125 "another machine" "$SPCTL" run -- "$WORK/arm"
refused "an object file" 126 "object file" "$SPCTL" run -- "$WORK/object"
refused "a file that is cut off" 126 "damaged" "$SPCTL" run -- "$WORK/short"
refused "a program without its loader" 127 "loader /xyz" "$SPCTL" run -- "$WORK/loaderless"
if echo 'int main(void){return 5;}' | cc -x c -static -o "$WORK/static" - 2>/dev/null; then
  check "a static program" 5 "" "$SPCTL" run -- "$WORK/static"
  check "... says so with --trace" 5 "programs that it starts are placed" "$SPCTL" run --trace -- "$WORK/static"
  check "a script of a static interpreter" 5 "" "$SPCTL" run -- "$WORK/static-script"
  check "a static program natively" 5 "" "$SPCTL" run --allow-native -- "$WORK/static"
  check "... says so with --trace" 5 "runs natively" "$SPCTL" run --allow-native --trace -- "$WORK/static"
fi
cp /bin/true "$WORK/privileged"
if [ "$(id -u)" = 0 ]; then
  chown nobody "$WORK/privileged" && chmod 4755 "$WORK/privileged"
  if ! findmnt -no OPTIONS -T "$WORK" | grep -q nosuid; then
    refused "a setuid program" 125 "setuid" "$SPCTL" run -- "$WORK/privileged"
    check "a setuid program natively" 0 "" "$SPCTL" run --allow-native -- "$WORK/privileged"
  fi
  chown root "$WORK/privileged" && chmod 4755 "$WORK/privileged"
  check "setuid to who it is anyway" 0 "" "$SPCTL" run -- "$WORK/privileged"
else
  chmod 4755 "$WORK/privileged"
  check "setuid to who it is anyway" 0 "" "$SPCTL" run -- "$WORK/privileged"
fi
check "ld.so as a command" 0 '^hello$' "$SPCTL" run -- /lib64/ld-linux-x86-64.so.2 /bin/echo hello

# A kernel that is too old, or a sandbox that forbids it.
refused "no Syscall User Dispatch" 125 "Syscall User Dispatch.*5.11.*spctl doctor" "$WITHOUT_DISPATCH" "$SPCTL" run -- true

# The library.
refused "no library" 125 "SUPERPROC_LIBRARY" env SUPERPROC_LIBRARY=/no/library.so "$SPCTL" run -- true
refused "a library that is none" 125 "library" env SUPERPROC_LIBRARY=/etc/passwd "$SPCTL" run -- true
refused "another library" 125 "not superproc's" env SUPERPROC_LIBRARY=/lib/x86_64-linux-gnu/libc.so.6 "$SPCTL" run -- true
cp "$PRETENDED" "$WORK/with blank.so"
refused "a path that LD_PRELOAD cannot hold" 125 "blank" env SUPERPROC_LIBRARY="$WORK/with blank.so" "$SPCTL" run -- true
python3 - "$PRETENDED" "$WORK/other.so" <<'P'
import sys
data = open(sys.argv[1], 'rb').read()
at = data.index(b'superproc\0\0\0', data.index(b'\x0a\0\0\0\x04\0\0\0\x01\0\0\0superproc')) + 12
open(sys.argv[2], 'wb').write(data[:at] + b'\x63' + data[at + 1:])
P
refused "a library of another version" 125 "version 99" env SUPERPROC_LIBRARY="$WORK/other.so" "$SPCTL" run -- true

# The summary: a new, empty file, for which the shim is told the whole path.
echo old >"$WORK/summary"
check "a summary" 0 "^$WORK/summary\$" bash -c 'cd "$2" && "$1" run --summary summary -- sh -c "cd /; echo \$SUPERPROC_SUMMARY"' \
  _ "$SPCTL" "$WORK"
check "... is empty at first" 1 "" test -s "$WORK/summary"
check "an inherited summary stays" 0 '^/some/file$' env SUPERPROC_SUMMARY=/some/file "$SPCTL" run -- sh -c 'echo $SUPERPROC_SUMMARY'
refused "a summary that cannot be written" 125 "cannot write" "$SPCTL" run --summary /no/such/folder/file -- true
finish
