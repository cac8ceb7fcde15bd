// SPDX-License-Identifier: Apache-2.0
// /proc/self, /proc/PID and /proc/thread-self name this process in all threads: link, status, exe, cmdline, cwd, fd,
// task list. Breaks since /proc/self is the resident's directory when a remote thread opens it.
// calls: readlink openat getdents64 read
// threads: 4
#include "../check.h"
#include <dirent.h>

static int up, leave;

static int field(const char* path, const char* name) {
  char line[200];
  int value = -1;
  FILE* file = fopen(path, "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) value = atoi(line + strlen(name));
  fclose(file);
  return value;
}
static void* body(void* argument) {
  char link[200], path[100], own[100], exe[4096], exe_by_pid[4096];
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) >= 4);
  ssize_t length = readlink("/proc/self", link, sizeof link);
  CHECK(length > 0 && (link[length] = 0, atoi(link) == getpid()));
  length = readlink("/proc/thread-self", link, sizeof link);
  snprintf(own, sizeof own, "%d/task/%d", getpid(), gettid());
  CHECK(length > 0 && (link[length] = 0, strcmp(link, own) == 0));
  CHECK(field("/proc/self/status", "Tgid:") == getpid() && field("/proc/self/status", "Pid:") == getpid());
  CHECK(field("/proc/self/status", "PPid:") == getppid() && field("/proc/thread-self/status", "Pid:") == gettid());
  CHECK(field("/proc/self/status", "Threads:") == 5);
  snprintf(path, sizeof path, "/proc/%d/exe", getpid());
  length = readlink("/proc/self/exe", exe, sizeof exe);
  CHECK(length > 0 && readlink(path, exe_by_pid, sizeof exe_by_pid) == length && memcmp(exe, exe_by_pid, length) == 0);
  int found = 0, count = 0;
  DIR* directory = opendir("/proc/self/task");
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;)
    if (entry->d_name[0] != '.') count++, found += atoi(entry->d_name) == gettid();
  closedir(directory);
  CHECK(found == 1 && count == 5);
  int fd = open("/dev/null", O_RDONLY);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK(readlink(path, link, sizeof link) == 9 && memcmp(link, "/dev/null", 9) == 0);
  close(fd);
  __atomic_fetch_add(&leave, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&leave, __ATOMIC_SEQ_CST) == 4);
  return argument;
}

int main(void) {
  run_together(4, body);
  ok();
}
