// SPDX-License-Identifier: Apache-2.0
// set_tid_address by a thread: answers its tid, and the kernel clears and wakes that word when the thread ends.
// Breaks when the shim keeps the word's address itself and is not told of the new one.
// calls: set_tid_address futex exit gettid
// threads: 8
#include "../check.h"
#include <linux/futex.h>

static volatile int word;

static void* body(void* argument) {
  // Ends without libc, which keeps its stack; the process ends before that matters.
  int own = gettid();
  word = own;
  CHECK(syscall(SYS_set_tid_address, &word) == own);
  syscall(SYS_exit, 0);
  return argument;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
  for (int i = 0; i < 8; i++) {
    pthread_t thread;
    word = -1;
    CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
    for (int now; (now = word) != 0;) syscall(SYS_futex, &word, FUTEX_WAIT, now, NULL, NULL, 0);
  }
  ok();
}
