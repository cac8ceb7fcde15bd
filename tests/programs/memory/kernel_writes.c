// SPDX-License-Identifier: Apache-2.0
// The kernel reads from and writes into memory that another thread has just mapped, opened by mprotect or never
// touched. Breaks when mappings are made on demand by a fault handler: inside a call there is no SIGSEGV, only EFAULT.
// calls: read write readv getrandom stat pipe2 recvfrom clock_gettime
// threads: 27
#include "../check.h"
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

static char* memory;
static int ends[2];

static void* maps(void* argument) {
  memory = mmap(NULL, 65536, argument ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  if (argument) CHECK(mprotect(memory, 65536, PROT_READ | PROT_WRITE) == 0);
  return argument;
}
static void* uses(void* argument) {
  struct iovec parts[2] = {{memory + 4090, 6}, {memory + 40000, 6}};
  CHECK(write(ends[1], "hello, world", 12) == 12 && readv(ends[0], parts, 2) == 12);
  CHECK(memcmp(memory + 4090, "hello,", 6) == 0 && memcmp(memory + 40000, " world", 6) == 0);
  CHECK(write(ends[1], memory + 50000, 100) == 100 && recv(ends[0], memory + 53240, 100, 0) == 100);
  CHECK(clock_gettime(CLOCK_REALTIME, (struct timespec*)(memory + 20480)) == 0);
  CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, memory + 24576) == 0);
  CHECK(((struct timespec*)(memory + 24576))->tv_sec > 0);
  CHECK(stat("/", (struct stat*)(memory + 28672 - 50)) == 0);
  CHECK(getrandom(memory + 32768 - 8, 16, 0) == 16);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, (int*)(memory + 60000)) == 0);
  CHECK(close(((int*)(memory + 60000))[0]) == 0 && close(((int*)(memory + 60000))[1]) == 0);
  CHECK(getcwd(memory + 36864 - 1, 4096) != NULL);
  return argument;
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  for (int round = 0; round < 12; round++) {
    void* how = round % 2 ? (void*)1 : NULL;
    round % 3 ? join(start(maps, how)) : maps(how);
    round % 3 == 1 ? uses(NULL) : join(start(uses, NULL));
    if (round % 4 == 0) join(start(nothing, NULL));
    CHECK(munmap(memory, 65536) == 0);
    if (round % 3 == 0) continue;
    maps(NULL);
    join(start(uses, NULL));
    CHECK(munmap(memory, 65536) == 0);
  }
  ok();
}
