// SPDX-License-Identifier: Apache-2.0
// main calls exec while threads run: they vanish, the new program has the same pid, its arguments, environment and one
// thread. Breaks when residents survive exec or the process changes its identity.
// calls: execve getpid
#include "../check.h"

static void* body(void* argument) {
  __atomic_fetch_add((int*)argument, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

static int thread_count(void) {
  int count = 0;
  char line[200];
  FILE* status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status) != NULL) sscanf(line, "Threads: %d", &count);
  fclose(status);
  return count;
}

int main(int argc, char** argv) {
  if (argc == 3) {
    CHECK(atoi(argv[1]) == getpid() && strcmp(argv[2], "second argument") == 0);
    CHECK(strcmp(getenv("PASSED"), "on") == 0 && thread_count() == 1);
    ok();
    return 0;
  }
  static int started;
  char pid[20];
  for (int i = 0; i < 4; i++) start(body, &started);
  EVENTUALLY(__atomic_load_n(&started, __ATOMIC_SEQ_CST) == 4);
  snprintf(pid, sizeof pid, "%d", getpid());
  setenv("PASSED", "on", 1);
  execv("/proc/self/exe", (char*[]){argv[0], pid, "second argument", NULL});
  CHECK(!"exec failed");
}
