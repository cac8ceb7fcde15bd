// SPDX-License-Identifier: Apache-2.0
// Writing to a pipe without a reader: EPIPE and SIGPIPE to the writing thread only; ignored, EPIPE alone; MSG_NOSIGNAL.
// Breaks when a call done in a thread's place by another sends the signal there.
// calls: write sendto rt_sigaction
// threads: 4
#include "../check.h"
#include <sys/socket.h>

static __thread volatile int handled;
static void on_pipe(int number) {
  CHECK(number == SIGPIPE);
  handled++;
}
static void* body(void* argument) {
  int ends[2], pair[2];
  CHECK(pipe(ends) == 0 && close(ends[0]) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
        close(pair[0]) == 0);
  signal(SIGPIPE, on_pipe);
  CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && handled == 1);
  CHECK(send(pair[1], "x", 1, 0) == -1 && errno == EPIPE && handled == 2);
  CHECK(send(pair[1], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && handled == 2);
  signal(SIGPIPE, SIG_IGN);
  CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && handled == 2);
  CHECK(close(ends[1]) == 0 && close(pair[1]) == 0);
  handled = 0;
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
