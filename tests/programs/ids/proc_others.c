// SPDX-License-Identifier: Apache-2.0
// What a program that was executed sees of others below /proc: its parent and its sibling are listed, with their parents,
// groups and names, as ps and pgrep look for them; its own entries agree with what it asks the kernel.
// Breaks when a moved program sees the processes of its own node only.
// calls: execve openat getdents64 readlink stat
#include "../check.h"
#include <dirent.h>
#include <sys/stat.h>

static int is_listed(pid_t pid) {
  DIR* folder = opendir("/proc");
  CHECK(folder != NULL);
  int seen = 0;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) seen = seen || atoi(entry->d_name) == pid;
  closedir(folder);
  return seen;
}
static void stat_of(pid_t pid, char* name, int* parent, int* group, int* session) {
  char path[64], text[512] = {0}, state;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
  char* end = strrchr(text, ')');
  CHECK(end != NULL);
  *end = 0;
  snprintf(name, 16, "%s", strchr(text, '(') + 1);
  CHECK(sscanf(end + 1, " %c %d %d %d", &state, parent, group, session) == 4);
}
static void look(pid_t parent, pid_t sibling) {
  char name[16], path[64], text[32] = {0}, own[32] = {0};
  int its_parent, group, session;
  struct stat about;
  CHECK(getppid() == parent && is_listed(parent) && is_listed(sibling) && is_listed(getpid()));
  stat_of(sibling, name, &its_parent, &group, &session);
  CHECK(strcmp(name, "sleep") == 0 && its_parent == parent && group == getpgrp() && session == getsid(0));
  stat_of(parent, name, &its_parent, &group, &session);
  CHECK(strcmp(name, "proc_others") == 0 && group == getpgrp());
  snprintf(path, sizeof path, "/proc/%d/cmdline", sibling);
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && read(fd, text, sizeof text) == 9 && strcmp(text, "sleep") == 0 && strcmp(text + 6, "60") == 0);
  CHECK(close(fd) == 0 && stat("/proc/999999999", &about) == -1 && errno == ENOENT);
  CHECK(readlink("/proc/self", own, sizeof own - 1) > 0 && atoi(own) == getpid() && access("/proc/self/fd", X_OK) == 0);
}

static pid_t begin(char* const* arguments, const char* program) {
  pid_t child = fork();
  if (child == 0) execvp(program, arguments), _exit(99);
  return child;
}

int main(int count, char** arguments) {
  if (count == 3) return look(atoi(arguments[1]), atoi(arguments[2])), 0;
  char parent[16], sibling[16];
  pid_t sleeper = begin((char*[]){"sleep", "60", NULL}, "sleep");
  snprintf(parent, sizeof parent, "%d", getpid()), snprintf(sibling, sizeof sibling, "%d", sleeper);
  sleep_ms(100);                // until it is "sleep"
  for (int i = 0; i < 2; i++) { // on isolated nodes on one and the other
    pid_t looker = begin((char*[]){arguments[0], parent, sibling, NULL}, "/proc/self/exe");
    CHECK_EXITED(looker, 0);
  }
  CHECK(kill(sleeper, SIGKILL) == 0 && waitpid(sleeper, NULL, 0) == sleeper);
  printf("ok proc_others\n");
  return 0;
}
