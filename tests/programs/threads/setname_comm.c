// SPDX-License-Identifier: Apache-2.0
// pthread_setname_np of itself and of another thread shows in /proc/self/task/TID/comm and reads back.
// Breaks when /proc/self in one resident does not list the threads of another.
// calls: prctl openat read write
// threads: 4
#include "../check.h"

static pid_t ids[4];
static int up, leave;

static void* body(void* argument) {
  intptr_t self = (intptr_t)argument;
  char name[16], comm[16] = "", path[64];
  ids[self] = gettid();
  snprintf(name, sizeof name, "own-%d", (int)self);
  CHECK(pthread_setname_np(pthread_self(), name) == 0);
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", ids[self]);
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0);
  CHECK(read(fd, comm, sizeof comm) == 6 && memcmp(comm, name, 5) == 0);
  close(fd);
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&leave, __ATOMIC_SEQ_CST));
  return NULL;
}

int main(void) {
  pthread_t threads[4];
  for (intptr_t i = 0; i < 4; i++) threads[i] = start(body, (void*)i);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 4);
  for (int i = 0; i < 4; i++) {
    char name[16], back[16];
    snprintf(name, sizeof name, "by-main-%d", i);
    CHECK(pthread_setname_np(threads[i], name) == 0);
    CHECK(pthread_getname_np(threads[i], back, sizeof back) == 0 && strcmp(name, back) == 0);
  }
  __atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 4; i++) join(threads[i]);
  ok();
}
