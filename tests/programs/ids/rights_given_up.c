// SPDX-License-Identifier: Apache-2.0
// calls: capset setfsuid prctl setresuid openat kill
// What a program gives up of its rights is refused to it afterwards, whoever performs the call: capabilities, the user for
// files, what KEEPCAPS lets it keep; also in a child, and after exec. Others find the user that it has become. Without root it
// only shows that new privileges can be given up.
#include "../check.h"
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

enum { kFolder = 40, kUser = 65533, kOther = 65530 };

static void set_capabilities(uint32_t effective, uint32_t permitted) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct words[2] = {{effective, permitted, 0}, {0, 0, 0}};
  CHECK(syscall(SYS_capset, &header, words) == 0);
}
static uint32_t effective_now(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct words[2];
  CHECK(syscall(SYS_capget, &header, words) == 0);
  return words[0].effective;
}
static int opens(void) {
  int file = openat(kFolder, "secret", O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0 ? close(file) == 0 : errno == EACCES);
  return file >= 0;
}
enum { kFiles = 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH };

static void keeps_one(void) {
  CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(kOther, kOther, kOther) == 0 && !opens());
  set_capabilities(1 << CAP_DAC_READ_SEARCH, 1 << CAP_DAC_READ_SEARCH);
  CHECK(opens());
  set_capabilities(0, 1 << CAP_DAC_READ_SEARCH);
  CHECK(!opens());
  set_capabilities(1 << CAP_DAC_READ_SEARCH, 1 << CAP_DAC_READ_SEARCH);
  CHECK(opens());
}
static int as_child(char** arguments) {
  CHECK(opens());
  setfsuid(kOther);
  CHECK(!opens());
  setfsuid(0);
  CHECK(opens());
  uint32_t all = effective_now();
  set_capabilities(all & ~kFiles, all);
  CHECK(!opens());
  set_capabilities(all, all);
  CHECK(opens());
  pid_t child = fork();
  if (child == 0) keeps_one(), _exit(0);
  CHECK_EXITED(child, 0);
  CHECK(prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) == 0 && prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) == 0 && opens());
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  child = fork();
  if (child == 0) execl("/proc/self/exe", arguments[0], "without", NULL), _exit(99);
  CHECK_EXITED(child, 0);
  set_capabilities(all & ~kFiles, all & ~kFiles);
  CHECK(!opens());
  child = fork();
  if (child == 0) CHECK(!opens()), _exit(0);
  CHECK_EXITED(child, 0);
  execl("/proc/self/exe", arguments[0], "without", NULL);
  return 99;
}
static int without(void) {
  CHECK(!opens() && !(effective_now() & kFiles) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  CHECK(prctl(PR_CAPBSET_READ, CAP_DAC_OVERRIDE) == 0);
  return 0;
}
static pid_t becomes(uid_t user, pid_t signalled) {
  int ready[2];
  char byte = 0;
  CHECK(pipe(ready) == 0);
  pid_t child = fork();
  if (child == 0) {
    usleep(1000);
    CHECK(setresuid(user, user, user) == 0);
    if (signalled) _exit(kill(signalled, 0) == 0 ? 1 : errno == EPERM ? 2 : 3);
    CHECK(write(ready[1], "", 1) == 1);
    for (;;) pause();
  }
  CHECK(signalled || read(ready[0], &byte, 1) == 1);
  CHECK(close(ready[0]) == 0 && close(ready[1]) == 0);
  return child;
}
static void is_seen(void) {
  pid_t target = becomes(kUser, 0);
  CHECK_EXITED(becomes(kUser, target), 1);
  CHECK_EXITED(becomes(kOther, target), 2);
  char path[40], line[200];
  snprintf(path, sizeof path, "/proc/%d/status", (int)target);
  FILE* status = fopen(path, "r");
  unsigned user = 0;
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "Uid: %u", &user) == 1) break;
  CHECK(status && user == kUser && fclose(status) == 0);
  CHECK(kill(target, SIGKILL) == 0 && waitpid(target, NULL, 0) == target);
}

int main(int count, char** arguments) {
  if (count == 2) return strcmp(arguments[1], "without") == 0 ? without() : as_child(arguments);
  if (getuid() != 0) {
    pid_t child = fork();
    if (child == 0) {
      usleep(1000);
      CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
      _exit(0);
    }
    CHECK_EXITED(child, 0);
    ok();
    return 0;
  }
  char name[] = "/tmp/sp-program-XXXXXX", file[64];
  CHECK(mkdtemp(name) != NULL && chmod(name, 0755) == 0);
  snprintf(file, sizeof file, "%s/secret", name);
  int made = open(file, O_CREAT | O_WRONLY, 0600), folder = open(name, O_RDONLY | O_DIRECTORY);
  CHECK(made >= 0 && fchown(made, kUser, kUser) == 0 && close(made) == 0);
  CHECK(dup2(folder, kFolder) == kFolder && close(folder) == 0);
  for (int i = 0; i < 2; i++) { // on isolated nodes on one and the other
    pid_t child = fork();
    if (child == 0) execl("/proc/self/exe", arguments[0], "child", NULL), _exit(99);
    CHECK_EXITED(child, 0);
  }
  CHECK(unlink(file) == 0 && rmdir(name) == 0);
  is_seen();
  ok();
}
