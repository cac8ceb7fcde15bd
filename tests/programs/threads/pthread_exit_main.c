// SPDX-License-Identifier: Apache-2.0
// main ends by pthread_exit while others run; the process lives on, and its status is 0 when the last thread ends.
// Breaks when the end of the first thread ends the resident, or the last remote thread's end is not noticed.
// calls: exit clone
// threads: 4
#include "../check.h"

static int left = 4;

static void* body(void* argument) {
  sleep_ms(20 + 20 * (int)(intptr_t)argument);
  if (__atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST) == 0) ok();
  return NULL;
}

int main(void) {
  for (intptr_t i = 0; i < 4; i++) CHECK(pthread_detach(start(body, (void*)i)) == 0);
  pthread_exit((void*)55);
}
