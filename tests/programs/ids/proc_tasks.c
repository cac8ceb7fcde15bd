// SPDX-License-Identifier: Apache-2.0
// The list of threads can be read again and again, each entry's status names this process; /proc/self is a link and a
// directory; mem is one's own memory; an opened status has the lowest free number; a bad path is EFAULT.
// Breaks when the list ends with home's threads, or a path is looked at without care.
// calls: openat getdents64 newfstatat access pread64
// threads: 4
#include "../check.h"
#include <dirent.h>

static pthread_barrier_t all;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void check_entry(const char* name) {
  char path[80], text[4000];
  int tgid;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", name);
  int fd = open(path, O_RDONLY);
  ssize_t length = read(fd, text, sizeof text - 1);
  CHECK(fd >= 0 && length > 0);
  text[length] = 0;
  CHECK(sscanf(strstr(text, "Tgid:"), "Tgid: %d", &tgid) == 1 && tgid == getpid());
  close(fd);
}
static void looks(void) {
  struct stat seen;
  int value = 42, read_back = 0;
  CHECK(open((char*)0x7ff0000dead000, O_RDONLY) == -1 && errno == EFAULT);
  CHECK(stat((char*)1, &seen) == -1 && errno == EFAULT);
  int fd = open("/proc/self/mem", O_RDONLY);
  CHECK(fd >= 0 && pread(fd, &read_back, sizeof read_back, (off_t)&value) == sizeof value && read_back == 42);
  close(fd);
  DIR* list = opendir("/proc/self/task");
  for (int round = 0; round < 3; round++) {
    int count = 0;
    for (struct dirent* entry; (entry = readdir(list)) != NULL;)
      if (entry->d_name[0] != '.') count++, check_entry(entry->d_name);
    CHECK(count == 5);
    rewinddir(list);
  }
  closedir(list);
  CHECK(stat("/proc/self", &seen) == 0 && S_ISDIR(seen.st_mode));
  CHECK(lstat("/proc/self", &seen) == 0 && S_ISLNK(seen.st_mode) && access("/proc/self/", F_OK) == 0);
  int lowest = open("/dev/null", O_RDONLY);
  close(lowest);
  fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  CHECK(fd == lowest && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  close(fd);
}
static void* body(void* argument) {
  pthread_barrier_wait(&all);
  pthread_mutex_lock(&turn);
  looks();
  pthread_mutex_unlock(&turn);
  pthread_barrier_wait(&all);
  return argument;
}

int main(void) {
  CHECK(pthread_barrier_init(&all, NULL, 4) == 0);
  run_together(4, body);
  ok();
}
