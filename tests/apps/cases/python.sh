# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# CPython's threads, a lock that they hand to each other, and subprocesses started by threads.
needs=/usr/bin/python3
prepare() {
  cat >threads.py <<'P'
import hashlib, queue, subprocess, sys, threading

jobs, results = queue.Queue(), {}
lock = threading.Lock()

def take():
    while (n := jobs.get()) is not None:
        text = subprocess.run(["sh", "-c", f"echo {n}; cat; exit {n % 7}"], input=b"x" * n, capture_output=True)
        digest = hashlib.sha256(text.stdout * 1000).hexdigest()
        with lock:
            results[n] = (text.returncode, digest)

threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads:
    thread.start()
for n in range(60):
    jobs.put(n)
for _ in threads:
    jobs.put(None)
for thread in threads:
    thread.join()
for n in range(60):
    print(n, *results[n])

# Deep recursion, many small objects and the collector, in threads.
def build(depth):
    return [build(depth - 1), {depth: str(depth)}, build(depth - 1)] if depth else []
sums = [0] * 4
def weigh(n):
    threading.local().mine = n
    sums[n] = len(repr(build(10 + n % 2)))
threads = [threading.Thread(target=weigh, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sums)
P
}
body() { under /usr/bin/python3 "$INPUT/threads.py"; }
