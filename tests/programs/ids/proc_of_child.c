// SPDX-License-Identifier: Apache-2.0
// /proc shows what a child uses wherever it runs: the processor time that it has had and the memory that it has touched.
// calls: openat, read
#include "../check.h"

enum { kMemory = 24 << 20, kPageBytes = 4096 };

// Until nobody writes to `end` any more.
static void use(int ready, int end) {
  char byte;
  char* const memory = mmap(NULL, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 1, kMemory);
  struct timespec used;
  do CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
  while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < 400);
  CHECK(write(ready, "r", 1) == 1);
  CHECK(read(end, &byte, 1) == 0);
  _exit(0);
}

static FILE* file_of(pid_t pid, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  FILE* const file = fopen(path, "r");
  CHECK(file);
  return file;
}

static void look_at_stat(pid_t child) {
  int pid, parent, group;
  unsigned long user, system, bytes;
  long threads, resident;
  FILE* const file = file_of(child, "stat");
  CHECK(fscanf(file,
               "%d (proc_of_child) S %d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %lu %ld",
               &pid, &parent, &group, &user, &system, &threads, &bytes, &resident) == 8);
  fclose(file);
  CHECK(pid == child && parent == getpid() && group == getpgrp());
  const unsigned long ms = (user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
  CHECK(ms >= 380 && ms < 3000 && threads == 1);
  CHECK(bytes > kMemory && resident >= kMemory / kPageBytes && resident < 4 * kMemory / kPageBytes);
}

static void look_at_statm(pid_t child) {
  long pages, resident;
  FILE* const file = file_of(child, "statm");
  CHECK(fscanf(file, "%ld %ld", &pages, &resident) == 2 && pages > kMemory / kPageBytes &&
        resident >= kMemory / kPageBytes);
  fclose(file);
}

static long number_of(pid_t child, const char* name) {
  char line[256];
  long found = -1;
  FILE* const file = file_of(child, "status");
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) found = strtol(line + strlen(name), NULL, 10);
  fclose(file);
  return found;
}

int main(void) {
  int ready[2], end[2];
  char byte;
  CHECK(pipe(ready) == 0 && pipe(end) == 0);
  const pid_t child = fork();
  if (child == 0) close(end[1]), use(ready[1], end[0]);
  CHECK(read(ready[0], &byte, 1) == 1);
  sleep_ms(50);
  look_at_stat(child);
  look_at_statm(child);
  CHECK(number_of(child, "VmRSS:") >= kMemory / 1024 && number_of(child, "Threads:") == 1);
  CHECK(number_of(child, "PPid:") == getpid());
  CHECK(close(end[1]) == 0);
  CHECK_EXITED(child, 0);
  ok();
}
