// SPDX-License-Identifier: Apache-2.0
// main ends by pthread_exit, then threads start further threads, join main itself, and the last one calls exit(0).
// Breaks when a node without its first thread cannot make or join threads any more.
// calls: exit clone futex
// threads: 7
#include "../check.h"

static pthread_t first;

static void* body(void* argument) {
  void* result = NULL;
  CHECK(pthread_join(first, &result) == 0 && result == (void*)55);
  run_on_each(nothing, NULL);
  CHECK(join(start(nothing, (void*)6)) == (void*)6);
  ok();
  exit(0);
  return argument;
}

int main(void) {
  first = pthread_self();
  join(start(nothing, NULL));
  start(body, NULL);
  pthread_exit((void*)55);
}
