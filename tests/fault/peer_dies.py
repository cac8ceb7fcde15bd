# SPDX-License-Identifier: Apache-2.0
"""peer_dies.py FILE: on three nodes. Prints `peer PLACE`, where PLACE is the node that its caller is to kill, and then, as
it sees them, what comes of the locks and descriptors that the peer had there, each with the time, and that what is on the
other two goes on. FILE is its own."""
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time

PLACE = "import os; print(os.uname().nodename, os.readlink('/proc/self/ns/pid'), flush=True)\n"
PEER = PLACE.join(("""
import fcntl, os, sys, time
whole, record = os.open(sys.argv[1], os.O_RDWR), os.open(sys.argv[1] + ".record", os.O_RDWR)
fcntl.flock(whole, fcntl.LOCK_EX)
fcntl.lockf(record, fcntl.LOCK_EX)
own = os.open(sys.argv[1] + ".fifo", os.O_RDWR)
""", "time.sleep(1000)"))
FRIEND = PLACE + "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


def seen(what):
    print(what, time.monotonic(), flush=True)


def python(words, **rest):
    return subprocess.Popen([sys.executable, "-c", *words], stdout=subprocess.PIPE, text=True, **rest)


name = sys.argv[1]
for suffix in "", ".record":
    open(name + suffix, "w").close()
os.mkfifo(name + ".fifo")
ours, theirs = socket.socketpair()
peer = python([PEER, name], stdin=theirs)
theirs.close()
friend = python([FRIEND], stdin=subprocess.PIPE)
own_place = f"{os.uname().nodename} {os.readlink('/proc/self/ns/pid')}"
place, friends_place = peer.stdout.readline().strip(), friend.stdout.readline().strip()
writer = os.open(name + ".fifo", os.O_WRONLY)
assert len({own_place, place, friends_place}) == 3, (own_place, place, friends_place)
print("peer", place, flush=True)
whole, record = open(name, "w"), open(name + ".record", "w")
fcntl.flock(whole, fcntl.LOCK_EX)
seen("flock")
fcntl.lockf(record, fcntl.LOCK_EX)
seen("record lock")
assert peer.stdout.read() == ""
seen("end of its pipe")
try:
    assert ours.recv(1) == b""
except ConnectionResetError:
    pass
seen("end of its socket")
while True:
    try:
        os.write(writer, b"x")
        time.sleep(0.001)
    except BrokenPipeError:
        break
seen("broken pipe")
assert peer.wait() == -signal.SIGKILL, peer.returncode
seen("its end")
friend.stdin.write("hello\n")
friend.stdin.flush()
assert friend.stdout.readline() == "hello\n"
seen("another node goes on")
places = {python([PLACE]).communicate()[0].strip() for _ in range(6)}
assert places == {own_place, friends_place}, places
seen("others begin")
friend.stdin.close()
friend.wait()
time.sleep(0.5)
