// SPDX-License-Identifier: Apache-2.0
// posix_spawn with file actions and attributes, by path search, with a bad program, from main and threads.
// Breaks when CLONE_VM|CLONE_VFORK children of a remote thread do not run in its memory, or signals stay blocked.
// calls: clone execve openat dup2 close rt_sigprocmask setpgid
// threads: 4
#include "../check.h"
#include <spawn.h>

static void* body(void* argument) {
  char name[] = "/tmp/sp-program-XXXXXX", text[50] = "";
  int fd = mkstemp(name);
  CHECK(fd >= 0);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t mask, defaults;
  sigemptyset(&mask), sigaddset(&mask, SIGUSR1);
  sigemptyset(&defaults), sigaddset(&defaults, SIGTERM);
  posix_spawn_file_actions_init(&actions), posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 5, name, O_WRONLY | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 5, 1);
  posix_spawn_file_actions_addclose(&actions, 5);
  posix_spawn_file_actions_addchdir_np(&actions, "/proc");
  posix_spawnattr_setsigmask(&attributes, &mask), posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  char* arguments[] = {"grep", "SigBlk", "self/status", NULL}; // a shell would change its mask
  pid_t child;
  CHECK(posix_spawnp(&child, "grep", &actions, &attributes, arguments, environ) == 0);
  CHECK_EXITED(child, 0);
  CHECK(pread(fd, text, sizeof text - 1, 0) > 0 && strcmp(text, "SigBlk:\t0000000000000200\n") == 0);
  CHECK(posix_spawn(&child, "/no/such/program", NULL, NULL, arguments, environ) == ENOENT);
  CHECK(posix_spawn(&child, "/etc/passwd", NULL, NULL, arguments, environ) == EACCES);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  posix_spawn_file_actions_destroy(&actions), posix_spawnattr_destroy(&attributes);
  CHECK(close(fd) == 0 && unlink(name) == 0);
  return argument;
}

int main(void) {
  signal(SIGTERM, SIG_IGN);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
