// SPDX-License-Identifier: Apache-2.0
// A writer goes over many pages without pause while others fork: each child sees one moment of memory, not a mixture.
// Breaks when the copy of memory for the child is made while other threads go on.
// calls: fork wait4
// threads: 6
#include "../check.h"

enum { kPages = 200 };
static struct cell {
  volatile long value;
  char rest[4088];
} * cells; // written in order, first to last: in any snapshot no earlier cell is behind a later one, nor ahead by more than one
static int stop;
// Linux itself is not so strict: until its fork flushes translations, a writer on another CPU still reaches pages that the
// child has already, and about one native run in a thousand shows it. superproc stops the world, so it is held to it.
static int strict;

static void* writes(void* argument) {
  for (long round = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++)
    for (int i = 0; i < kPages; i++) __atomic_store_n(&cells[i].value, round, __ATOMIC_SEQ_CST);
  return argument;
}
static void check_moment(void) {
  long first = cells[0].value;
  for (int i = 1; strict && i < kPages; i++) {
    CHECK(cells[i].value <= cells[i - 1].value);
    CHECK(cells[i].value >= first - 1);
  }
}
static void* forks(void* argument) {
  for (int i = 0; i < 12; i++) {
    pid_t child = fork();
    if (child == 0) {
      check_moment();
      usleep(500);
      check_moment();
      _exit(0);
    }
    CHECK_EXITED(child, 0);
    usleep(300);
  }
  return argument;
}

int main(void) {
  const char* nodes = getenv("SUPERPROC_NODES");
  strict = nodes && atoi(nodes) > 1;
  cells = mmap(NULL, kPages * sizeof *cells, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_t writer = start(writes, NULL);
  usleep(1000);
  forks(NULL);
  run_on_each(forks, NULL);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  join(writer);
  for (int i = 0; i < kPages; i++) cells[i].value = 0; // a writer begins with 1
  writer = start(writes, (void*)(intptr_t)(stop = 0));
  usleep(1000);
  forks(NULL);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  join(writer);
  ok();
}
