// SPDX-License-Identifier: Apache-2.0
// chdir, fchdir and umask in one thread hold in all threads and in children; relative names and getcwd follow.
// Breaks when residents do not share the file-system state.
// calls: chdir fchdir umask getcwd openat mkdirat
// threads: 11
#include "../check.h"

static char expected[200];

static void* checks(void* argument) {
  char now[200], name[20];
  struct stat status;
  CHECK(getcwd(now, sizeof now) != NULL && strcmp(now, expected) == 0);
  snprintf(name, sizeof name, "f%d", gettid());
  int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0666);
  CHECK(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 0777) == 0640);
  close(fd);
  CHECK(unlink(name) == 0);
  return argument;
}
static void* changes(void* argument) {
  umask(027);
  CHECK(chdir(argument) == 0 && getcwd(expected, sizeof expected) != NULL);
  return argument;
}
static void* goes_back(void* argument) {
  int fd = open("..", O_RDONLY | O_DIRECTORY);
  CHECK(fd >= 0 && fchdir(fd) == 0 && close(fd) == 0);
  CHECK(umask(022) == 027 && umask(027) == 022 && getcwd(expected, sizeof expected) != NULL);
  return argument;
}

int main(void) {
  char folder[] = "/tmp/sp-program-XXXXXX", inner[100];
  CHECK(mkdtemp(folder) != NULL);
  snprintf(inner, sizeof inner, "%s/inner", folder);
  CHECK(mkdir(inner, 0700) == 0);
  join(start(nothing, NULL));
  for (int i = 0; i < 2; i++) {
    i ? changes(inner) : join(start(changes, inner));
    checks(NULL), join(start(checks, NULL)), join(start(checks, NULL));
    i ? join(start(goes_back, NULL)) : goes_back(NULL);
    checks(NULL), join(start(checks, NULL)), join(start(checks, NULL));
    pid_t child = fork();
    if (child == 0) checks(NULL), _exit(0);
    CHECK_EXITED(child, 0);
  }
  CHECK(chdir("/") == 0 && rmdir(inner) == 0 && rmdir(folder) == 0);
  ok();
}
