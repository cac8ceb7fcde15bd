// SPDX-License-Identifier: Apache-2.0
// /proc/self/maps can be read in every thread: it has lines for the program, [stack], libc, and for what any thread
// has mapped, with its rights. Breaks when a resident's map lacks what the home has, or programs that look for [stack]
// and [heap] do not find them.
// calls: openat read mmap mprotect
// threads: 6
#include "../check.h"

static char* mapped;

static int line_of(const void* address, char* line, size_t size) {
  FILE* file = fopen("/proc/self/maps", "r");
  unsigned long low, high, wanted = (unsigned long)address;
  CHECK(file != NULL);
  while (fgets(line, size, file) != NULL)
    if (sscanf(line, "%lx-%lx", &low, &high) == 2 && low <= wanted && wanted < high) return fclose(file), 1;
  return fclose(file), 0;
}
static void* body(void* argument) {
  char line[600], on_stack;
  CHECK(line_of((void*)(uintptr_t)&body, line, sizeof line) && strstr(line, "proc_maps") != NULL &&
        strstr(line, " r-xp ") != NULL);
  CHECK(line_of((void*)(uintptr_t)&getpid, line, sizeof line) && strstr(line, "libc") != NULL);
  CHECK(line_of(&on_stack, line, sizeof line) && strstr(line, " rw-") != NULL);
  CHECK(line_of(mapped, line, sizeof line) && strstr(line, " rw-") != NULL);
  CHECK(line_of(mapped + 4096, line, sizeof line) && strstr(line, " r--") != NULL);
  CHECK(!line_of((void*)16, line, sizeof line));
  return argument;
}
static void* maps(void* argument) {
  mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED && mprotect(mapped + 4096, 4096, PROT_READ) == 0);
  return argument;
}

int main(void) {
  char line[600];
  maps(NULL);
  body(NULL);
  CHECK(line_of(line, line, sizeof line) && strstr(line, "[stack]") != NULL);
  run_on_each(body, NULL);
  join(start(maps, NULL));
  join(start(body, NULL));
  body(NULL);
  ok();
}
