// SPDX-License-Identifier: Apache-2.0
// A double fork with setsid, as daemons do, from a threaded process; the grandchild makes threads and reports through
// a pipe. Breaks when what the grandchild needs belongs to a process that has ended.
// calls: fork setsid clone
// threads: 3
#include "../check.h"

static int ends[2];
static void* reports(void* argument) {
  CHECK(write(ends[1], "t", 1) == 1);
  return argument;
}
static void* body(void* argument) {
  char bytes[5];
  pid_t child = fork();
  if (child == 0) {
    CHECK(setsid() == getpid());
    if (fork() != 0) _exit(0);
    run_on_each(reports, NULL);
    CHECK(write(ends[1], "d", 1) == 1);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  for (int i = 0; i < 5; i++) CHECK(read(ends[0], &bytes[i], 1) == 1);
  CHECK(memcmp(bytes, "ttttd", 5) == 0);
  return argument;
}

int main(void) {
  CHECK(pipe(ends) == 0);
  body(NULL);
  join(start(body, NULL)), join(start(body, NULL)), join(start(body, NULL));
  ok();
}
