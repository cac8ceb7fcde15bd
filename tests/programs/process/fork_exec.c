// SPDX-License-Identifier: Apache-2.0
// fork, then exec of another program, from main and from threads: output through a pipe, arguments, environment, exit
// status. Breaks when the parent is held for the child's exec and not let go, or the new program inherits dispatch
// settings.
// calls: fork execve pipe2 dup2 wait4
// threads: 8
#include "../check.h"

static void* body(void* argument) {
  int ends[2];
  char text[100] = "";
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    close(ends[0]), close(ends[1]);
    execlp("sh", "sh", "-c", "echo $0 $WORD; exit 9", "zeroth", NULL);
    _exit(127);
  }
  close(ends[1]);
  ssize_t got, length = 0;
  while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0) length += got;
  close(ends[0]);
  CHECK_EXITED(child, 9);
  CHECK(strcmp(text, "zeroth word\n") == 0);
  child = fork();
  if (child == 0) {
    CHECK(execl("/no/such/program", "none", NULL) == -1 && errno == ENOENT);
    CHECK(execl("/etc", "none", NULL) == -1 && errno == EACCES);
    execl("/bin/true", "true", NULL);
    _exit(127);
  }
  CHECK_EXITED(child, 0);
  return argument;
}

int main(void) {
  setenv("WORD", "word", 1);
  body(NULL);
  run_on_each(body, NULL);
  run_together(4, body);
  body(NULL);
  ok();
}
