// SPDX-License-Identifier: Apache-2.0
// Children of threads execute a script with an interpreter line, by descriptor (fexecve, execveat), by path search,
// with an empty environment. Breaks when the way into the new program is made for execve with a plain path only.
// calls: execve execveat
// threads: 4
#include "../check.h"

static char script[] = "/tmp/sp-program-XXXXXX";

static void executes(int kind) {
  char* arguments[] = {script, "argument", NULL};
  char* empty[] = {NULL};
  if (kind == 0) execv(script, arguments);
  if (kind == 1) fexecve(open(script, O_RDONLY), arguments, environ);
  if (kind == 2) syscall(SYS_execveat, AT_FDCWD, script, arguments, environ, 0);
  if (kind == 3) execve(script, arguments, empty);
  if (kind == 4) execlp("sh", "sh", "-c", "exit 21", NULL);
  if (kind == 5) execvpe("env", (char*[]){"env", "-i", "sh", "-c", "exit 21", NULL}, environ);
}
static void* body(void* argument) {
  for (int kind = 0; kind < 6; kind++) {
    pid_t child = fork();
    if (child == 0) {
      if (argument != NULL) join(start(nothing, NULL));
      executes(kind);
      _exit(99);
    }
    CHECK_EXITED(child, 21);
  }
  return NULL;
}

int main(void) {
  int fd = mkstemp(script);
  const char text[] = "#!/bin/sh\ntest \"$1\" = argument && exit 21\n";
  CHECK(write(fd, text, sizeof text - 1) == sizeof text - 1 && fchmod(fd, 0700) == 0 && close(fd) == 0);
  body(NULL);
  run_on_each(body, NULL);
  body((void*)1);
  CHECK(unlink(script) == 0);
  ok();
}
