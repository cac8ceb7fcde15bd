# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A server: four threads that wait in epoll, under load from several connections at once.
needs=memcached
prepare() {
  cat >load.py <<'P'
import os, random, socket, sys, threading, time

port = int(sys.argv[1])
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.02)

def load(n, out):
    random_numbers = random.Random(n)
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.settimeout(10)
        stream = link.makefile("rwb")
        seen = []
        def ask(*lines):
            stream.write(b"".join(lines))
            stream.flush()
            return stream.readline().strip()
        for i in range(600):
            key = b"k%d-%d" % (n, random_numbers.randrange(200))
            value = bytes(random_numbers.choices(b"abcdefgh", k=random_numbers.randrange(1, 3000)))
            seen.append(ask(b"set %s 0 0 %d\r\n" % (key, len(value)), value + b"\r\n"))
            head = ask(b"get %s\r\n" % key)
            assert int(head.split()[3]) == len(value), head
            assert stream.read(len(value) + 2) == value + b"\r\n"
            seen.append(stream.readline().strip())
            seen.append(ask(b"incr shared 1\r\n")[:0])
        out[n] = (len(seen), sorted(set(seen)))
        stream.write(b"get shared\r\n")
        stream.flush()

with socket.create_connection(("127.0.0.1", port)) as link:
    link.sendall(b"set shared 0 0 1\r\n0\r\n")
    print(link.recv(100))
results = {}
clients = [threading.Thread(target=load, args=(n, results)) for n in range(8)]
[c.start() for c in clients]
[c.join() for c in clients]
for n in range(8):
    print(n, results.get(n))
with socket.create_connection(("127.0.0.1", port)) as link:
    link.sendall(b"get shared\r\n")
    print(link.recv(100))
    link.sendall(b"stats\r\n")
    time.sleep(0.1)
    print([line for line in link.recv(10000).split(b"\r\n") if line.split()[1:2] in ([b"threads"], [b"cmd_set"], [b"get_hits"])])
P
}
body() {
  local port user=() pid
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  [ "$(id -u)" != 0 ] || user=(-u nobody)
  "${on[@]}" memcached -t 4 -l 127.0.0.1 -p "$port" -m 64 -U 0 "${user[@]}" &
  pid=$!
  timeout 30 python3 "$INPUT/load.py" "$port"
  local status=$?
  kill -TERM $pid
  wait $pid
  echo "ended with $?"
  return $status
}
