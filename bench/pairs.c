// SPDX-License-Identifier: Apache-2.0
// Two threads that do the same thing at once, in operations per second of both together: where they meet on a lock of
// the process (its memory map, its descriptor table, its allocator, its own mutex) two cores give less than twice
// one.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kOperationsABatch = 32, kWindowNs = 5000000, kSlots = 64 };

struct Member {
  _Alignas(64) void (*operate)(struct Member*);
  int64_t run_ns;
  pthread_barrier_t* start;
  uint64_t random;
  void* slots[kSlots];
  struct Windows rates;
};

static unsigned long base_break;
static int some_fd;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile long guarded;

static uint64_t next_random(struct Member* self) {
  uint64_t x = self->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return self->random = x;
}

// sbrk keeps a variable that it does not guard, so the threads move the break by the call itself, each to places of its
// choice above where it was; nobody touches the memory, which the other one may just have given back.
static void move_break(struct Member* self) { syscall(SYS_brk, base_break + 4096 * (1 + next_random(self) % 16)); }

static void dup_and_close(struct Member* self) {
  (void)self;
  int fd = dup(some_fd);
  require(fd >= 0 && close(fd) == 0, "dup or close failed");
}

static void open_and_close(struct Member* self) {
  (void)self;
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  require(fd >= 0 && close(fd) == 0, "open or close failed");
}

// Replaces one of the blocks that the thread holds by one of another size, from 16 bytes to 64 KiB, small ones
// oftenest.
static void replace_block(struct Member* self) {
  uint64_t random = next_random(self);
  size_t bytes = (size_t)16 << (random % 7 + (random >> 8) % 7);
  void** slot = &self->slots[(random >> 16) % kSlots];
  free(*slot);
  volatile char* block = malloc(bytes);
  require(block != NULL, "malloc failed");
  if (block) *block = 1; // `require` does not return otherwise, which an analyser does not see
  *slot = (void*)block;
}

static void lock_and_unlock(struct Member* self) {
  (void)self;
  pthread_mutex_lock(&mutex);
  guarded++;
  pthread_mutex_unlock(&mutex);
}

static void* run_member(void* argument) {
  struct Member* self = argument;
  pthread_barrier_wait(self->start);
  windows_open(&self->rates, self->run_ns);
  while (windows_go_on(&self->rates)) {
    int64_t begin_ns = now_ns(), at_ns;
    long operation_count = 0;
    do {
      for (int i = 0; i < kOperationsABatch; i++) self->operate(self);
      operation_count += kOperationsABatch;
    } while ((at_ns = now_ns()) - begin_ns < kWindowNs);
    windows_add(&self->rates, (double)operation_count * 1e9 / (double)(at_ns - begin_ns));
  }
  return NULL;
}

static double rate_of_two(void (*operate)(struct Member*), int64_t run_ns) {
  static struct Member members[2];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, 2);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    members[i].operate = operate;
    members[i].run_ns = run_ns;
    members[i].start = &start;
    members[i].random = 0x9e3779b97f4a7c15ULL * (uint64_t)(i + 1);
    threads[i] = start_thread(run_member, &members[i]);
  }
  double rate = 0;
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    rate += windows_median(&members[i].rates);
  }
  return rate;
}

// malloc gets its first memory from the break before that is moved, with room in it for what making two threads needs.
double brk_2(int64_t run_ns) {
  void* volatile first = malloc(1);
  free(first);
  base_break = (unsigned long)syscall(SYS_brk, 0);
  double rate = rate_of_two(move_break, run_ns);
  syscall(SYS_brk, base_break);
  return rate;
}

double dup_2(int64_t run_ns) {
  some_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  require(some_fd >= 0, "/dev/null cannot be opened");
  return rate_of_two(dup_and_close, run_ns);
}

double open_2(int64_t run_ns) { return rate_of_two(open_and_close, run_ns); }
double malloc_2(int64_t run_ns) { return rate_of_two(replace_block, run_ns); }
double mutex_contended(int64_t run_ns) { return rate_of_two(lock_and_unlock, run_ns); }
