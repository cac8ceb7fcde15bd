// SPDX-License-Identifier: Apache-2.0
// pthread_getattr_np: every thread, main too, finds its own frames inside the stack it is told; own stacks by
// attr_setstack. Breaks when /proc/self/maps or the stack limit does not show main's stack as native, or a given stack
// is not shared memory.
// calls: mmap openat read prlimit64
// threads: 8
#include "../check.h"

static void check_bounds(void) {
  pthread_attr_t attributes;
  char* low;
  size_t size, guard;
  char here;
  CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  CHECK(pthread_attr_getstack(&attributes, (void**)&low, &size) == 0);
  CHECK(pthread_attr_getguardsize(&attributes, &guard) == 0);
  CHECK(low < &here && &here < low + size && size >= 16384);
  pthread_attr_destroy(&attributes);
}
static void* body(void* argument) {
  char frame[8192];
  memset(frame, 1, sizeof frame);
  check_bounds();
  if (argument != NULL) CHECK(frame >= (char*)argument && frame < (char*)argument + 65536);
  return (void*)(intptr_t)frame[500];
}

int main(void) {
  check_bounds();
  run_on_each(body, NULL);
  check_bounds();
  for (int i = 0; i < 4; i++) {
    pthread_attr_t attributes;
    pthread_t thread;
    char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack != MAP_FAILED);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstack(&attributes, stack, 65536) == 0);
    CHECK(pthread_create(&thread, &attributes, body, stack) == 0);
    CHECK(join(thread) == (void*)1);
    CHECK(munmap(stack, 65536) == 0);
  }
  ok();
}
