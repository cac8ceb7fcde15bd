// SPDX-License-Identifier: Apache-2.0
// read on a pipe: with SA_RESTART it goes on after a handler ran, without it fails with EINTR; pause and nanosleep
// always EINTR. Breaks when the shim's wrapper, not the kernel, decides whether a blocked call is restarted.
// calls: read pause nanosleep futex epoll_wait tgkill
// threads: 20
#include "../check.h"
#include <sys/epoll.h>

static int ends[2], handled;

static void on_signal(int number) {
  (void)number;
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}
static int finished;
static void* body(void* argument) {
  char byte = 0;
  struct epoll_event event;
  struct timespec left = {30, 0};
  switch ((intptr_t)argument) {
    case 0: CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x' && handled > 0); break;
    case 1: CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR); break;
    case 2: CHECK(pause() == -1 && errno == EINTR); break;
    case 3: CHECK(nanosleep(&left, &left) == -1 && errno == EINTR && left.tv_sec >= 10 && left.tv_sec < 30); break;
    case 4: CHECK(epoll_wait(epoll_create1(0), &event, 1, 30000) == -1 && errno == EINTR); break;
  }
  __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

int main(void) {
  CHECK(pipe(ends) == 0);
  for (int round = 0; round < 4; round++)
    for (intptr_t kind = 0; kind < 5; kind++) {
      struct sigaction action = {.sa_handler = on_signal, .sa_flags = kind == 1 ? 0 : SA_RESTART};
      CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
      handled = finished = 0;
      pthread_t thread = start(body, (void*)kind);
      sleep_ms(5);
      for (int i = 0; i < 3000; i++) {
        if (kind == 0 ? handled >= 2 : __atomic_load_n(&finished, __ATOMIC_SEQ_CST)) break;
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        sleep_ms(2);
      }
      CHECK(finished == (kind != 0));
      if (kind == 0) CHECK(write(ends[1], "x", 1) == 1);
      join(thread);
    }
  ok();
}
