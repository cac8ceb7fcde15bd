// SPDX-License-Identifier: Apache-2.0
// Threads create and join threads, four levels deep, and threads are joined by others than their creators.
// Breaks when only the home node can clone, or a join waits on the wrong node.
// calls: clone futex
// threads: 46
#include "../check.h"

static void* tree(void* argument) {
  intptr_t depth = (intptr_t)argument;
  if (depth == 0) return (void*)1;
  pthread_t left = start(tree, (void*)(depth - 1)), right = start(tree, (void*)(depth - 1));
  return (void*)((intptr_t)join(left) + (intptr_t)join(right));
}
static void* joins(void* argument) { return join(*(pthread_t*)argument); }

int main(void) {
  CHECK(tree((void*)4) == (void*)16);
  for (int i = 0; i < 4; i++) {
    pthread_t thread = start(tree, (void*)1);
    CHECK(join(start(joins, &thread)) == (void*)2);
  }
  ok();
}
