// SPDX-License-Identifier: Apache-2.0
// system and popen from main and from threads: output read, status given, both directions.
// Breaks like posix_spawn, which both are made of, and through the signal settings of system.
// calls: clone execve wait4 rt_sigaction rt_sigprocmask
// threads: 7
#include "../check.h"

static void* body(void* argument) {
  char line[64] = "";
  CHECK(WEXITSTATUS(system("exit 5")) == 5);
  CHECK(system("true") == 0 && system(NULL) != 0);
  int status = system("kill -9 $$");
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  FILE* file = popen("echo from the child; exit 3", "r");
  CHECK(file != NULL && fgets(line, sizeof line, file) != NULL && strcmp(line, "from the child\n") == 0);
  CHECK(WEXITSTATUS(pclose(file)) == 3);
  file = popen("read word; test \"$word\" = right", "w");
  CHECK(file != NULL && fputs("right\n", file) >= 0);
  CHECK(pclose(file) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  run_together(3, body);
  ok();
}
