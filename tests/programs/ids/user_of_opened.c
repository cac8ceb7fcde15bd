// SPDX-License-Identifier: Apache-2.0
// calls: setuid setgid setgroups openat unlinkat
// A program that was executed with a folder open becomes another user: what it makes there belongs to that one, and what
// that one may not do is refused, whoever performs the call. Also in a thread and in a child. Without root it only shows that
// the program runs.
#include "../check.h"
#include <grp.h>
#include <sys/stat.h>

enum { kFolder = 40, kUser = 65533, kGroup = 65532, kOther = 65530 };

static void* makes_files(void* argument) {
  struct stat about;
  int file = openat(kFolder, "own", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0 && fstat(file, &about) == 0 && about.st_uid == kUser && about.st_gid == kGroup && close(file) == 0);
  CHECK(openat(kFolder, "roots", O_RDONLY) == -1 && errno == EACCES);
  CHECK(unlinkat(kFolder, "own", 0) == 0);
  return argument;
}
static int as_child(void) {
  CHECK(openat(kFolder, "roots", O_RDONLY | O_CLOEXEC) >= 0);
  // As a server does it: one user for a while, then another one for good, and nothing is opened between the two.
  CHECK(seteuid(kOther) == 0 && openat(kFolder, "roots", O_RDONLY) == -1 && errno == EACCES && seteuid(0) == 0);
  gid_t groups[2] = {65531, kGroup};
  CHECK(setgroups(2, groups) == 0 && setgid(kGroup) == 0 && setuid(kUser) == 0);
  makes_files(NULL);
  pid_t child = fork();
  if (child == 0) makes_files(NULL), _exit(0);
  CHECK_EXITED(child, 0);
  return 0;
}

int main(int count, char** arguments) {
  if (count == 2) return as_child();
  char name[] = "/tmp/sp-program-XXXXXX", file[64];
  CHECK(mkdtemp(name) != NULL && chmod(name, 0777) == 0);
  snprintf(file, sizeof file, "%s/roots", name);
  int made = open(file, O_CREAT | O_WRONLY, 0600), folder = open(name, O_RDONLY | O_DIRECTORY);
  CHECK(made >= 0 && close(made) == 0 && dup2(folder, kFolder) == kFolder && close(folder) == 0);
  for (int i = 0; i < 2 && getuid() == 0; i++) { // on isolated nodes on one and the other
    pid_t child = fork();
    if (child == 0) execl("/proc/self/exe", arguments[0], "child", NULL), _exit(99);
    CHECK_EXITED(child, 0);
  }
  CHECK(unlink(file) == 0 && rmdir(name) == 0);
  printf("ok user_of_opened\n");
  return 0;
}
