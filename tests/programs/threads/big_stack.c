// SPDX-License-Identifier: Apache-2.0
// Threads use megabytes of stack, by recursion and by alloca, as main does before and after; addresses of locals are
// passed on. Breaks when main's stack cannot grow any more, or a thread's stack is mapped on one node only.
// calls: mmap mprotect
// threads: 17
#include "../check.h"
#include <alloca.h>

static int recurse(int depth) {
  volatile char frame[1024];
  frame[0] = (char)depth, frame[1023] = 1;
  return depth == 0 ? frame[1023] : recurse(depth - 1) + frame[1023];
}
static void* increments(void* argument) {
  ++*(int*)argument;
  return NULL;
}
static void* body(void* argument) {
  int local = 5;
  CHECK(recurse(5000) == 5001);
  char* big = alloca(3 << 20);
  memset(big, 1, 3 << 20);
  if (argument == NULL) join(start(increments, &local));
  CHECK(local == (argument == NULL ? 6 : 5) && big[12345] == 1);
  return NULL;
}

int main(void) {
  CHECK(recurse(1000) == 1001);
  body((void*)1);
  run_on_each(body, NULL);
  CHECK(recurse(6000) == 6001);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
