// SPDX-License-Identifier: Apache-2.0
// vfork, posix_spawn and fork from four threads at once, many times: each thread gets its own children.
// Breaks when a shim lock held by another thread at that moment is taken along, or a held parent holds others for ever.
// calls: vfork clone fork execve wait4
// threads: 4
#include "../check.h"
#include <spawn.h>

static void* body(void* argument) {
  for (int i = 0; i < 12; i++) {
    int code = (int)(intptr_t)argument * 16 + i;
    char word[20];
    pid_t child;
    if (i % 3 == 0) {
      child = vfork();
      if (child == 0) _exit(code);
    } else if (i % 3 == 1) {
      snprintf(word, sizeof word, "exit %d", code);
      char* arguments[] = {"sh", "-c", word, NULL};
      CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0);
    } else {
      child = fork();
      if (child == 0) free(malloc(1000)), _exit(code);
    }
    CHECK_EXITED(child, code);
  }
  return NULL;
}

int main(void) {
  run_together(4, body);
  ok();
}
