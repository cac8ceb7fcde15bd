# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# multiprocessing with each way to start a process: named semaphores, pipes, and descriptors that are inherited or passed.
needs=python3
home_only=yes

prepare() {
  cat >program.py <<'P'
import multiprocessing as mp
import sys


def square(x):
    return x * x


def answer(pipe):
    pipe.send(("got", pipe.recv()))
    pipe.close()


def put(queue, lock, x):
    with lock:
        queue.put(x)


if __name__ == "__main__":
    how = mp.get_context(sys.argv[1])
    with how.Pool(3) as pool:
        print(sum(pool.map(square, range(100))))
    here, there = how.Pipe()
    child = how.Process(target=answer, args=(there,))
    child.start()
    there.close()
    here.send(42)
    print(here.recv())
    child.join()
    queue, lock = how.Queue(), how.Lock()
    children = [how.Process(target=put, args=(queue, lock, x)) for x in range(3)]
    for child in children:
        child.start()
    print(sorted(queue.get() for _ in children))
    for child in children:
        child.join()
    print([child.exitcode for child in children])
    with how.Manager() as server:
        print(server.dict({1: 2})[1])
P
}

body() {
  local how
  for how in fork spawn forkserver; do under python3 "$INPUT/program.py" "$how" || return; done
}
