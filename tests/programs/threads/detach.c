// SPDX-License-Identifier: Apache-2.0
// Detached threads, by attribute and by themselves: they run, their stacks are used again, nothing needs a join.
// Breaks when the stack of an ended thread is freed before the kernel cleared its tid.
// calls: clone munmap madvise exit
// threads: 200
#include "../check.h"

static int done;

static void* body(void* argument) {
  char stack[30000];
  memset(stack, 1, sizeof stack);
  if (argument != NULL) CHECK(pthread_detach(pthread_self()) == 0);
  __atomic_fetch_add(&done, stack[77], __ATOMIC_SEQ_CST);
  return NULL;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (int i = 0; i < 200; i += 2) {
    CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
    start(body, (void*)1);
    EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) >= i - 20);
  }
  EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) == 200);
  ok();
}
