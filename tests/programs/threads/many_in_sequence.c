// SPDX-License-Identifier: Apache-2.0
// 2000 threads one after another: nothing is used up, no end of a thread is lost.
// Breaks when slots of ended threads are not given back.
// calls: clone exit futex
// threads: 2000
#include "../check.h"

static int count;

static void* body(void* argument) {
  count++;
  return argument;
}

int main(void) {
  for (intptr_t i = 0; i < 2000; i++) CHECK(join(start(body, (void*)i)) == (void*)i);
  CHECK(count == 2000);
  ok();
}
