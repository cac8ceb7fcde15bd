# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# multiprocessing with each way to start a process: named semaphores, pipes, shared memory, and descriptors that are
# inherited or passed.
needs=python3
home_only=yes
mapfile -t folders < <(python3 -c 'import sys; print(sys.base_prefix)') # which may be anywhere

prepare() {
  cat >program.py <<'P'
import multiprocessing as mp
import sys
from multiprocessing import shared_memory


def square(x):
    return x * x


def answer(pipe):
    pipe.send(("got", pipe.recv()))
    pipe.close()


def put(queue, lock, x):
    with lock:
        queue.put(x)


def count(number, value, array, lock, barrier, name):
    block = shared_memory.SharedMemory(name=name)
    barrier.wait()
    for turn in range(200):
        with value.get_lock():
            value.value += 1
        with lock:
            array[turn % len(array)] += 1
    block.buf[number] = number + 1
    block.close()


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
    value, array, barrier = how.Value("i", 0), how.Array("i", 5), how.Barrier(5)
    block = shared_memory.SharedMemory(create=True, size=4096)
    given = (value, array, lock, barrier, block.name)
    children = [how.Process(target=count, args=(number, *given)) for number in range(4)]
    for child in children:
        child.start()
    barrier.wait()
    for child in children:
        child.join()
    print(value.value, list(array), list(block.buf[:4]), [child.exitcode for child in children])
    block.close()
    block.unlink()
    with how.Manager() as server:
        print(server.dict({1: 2})[1])
P
}

body() {
  local how
  for how in fork spawn forkserver; do under python3 "$INPUT/program.py" "$how" || return; done
}
