// SPDX-License-Identifier: Apache-2.0
// A process with 64 MiB of touched memory forks from main and threads, to exec at once and to write in all of it: both
// sides are right. Breaks when the copy that fork makes is cut short, or memory is lent to the child until exec and
// not given back.
// calls: fork execve mmap
// threads: 3
#include "../check.h"

enum { kSize = 64 << 20 };
static unsigned char* memory;

static void* body(void* argument) {
  for (int i = 0; i < kSize; i += 4096) memory[i] = (unsigned char)(i >> 12);
  pid_t first = fork();
  if (first == 0) {
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  pid_t second = fork();
  if (second == 0) {
    for (int i = 0; i < kSize; i += 4096) CHECK(memory[i]++ == (unsigned char)(i >> 12));
    for (int i = 0; i < kSize; i += 4096) CHECK(memory[i] == (unsigned char)((i >> 12) + 1) && memory[i + 1] == 0);
    _exit(0);
  }
  for (int i = 0; i < kSize; i += 8192) memory[i] = 200;
  CHECK_EXITED(first, 0);
  CHECK_EXITED(second, 0);
  for (int i = 0; i < kSize; i += 4096)
    CHECK(memory[i] == (i % 8192 ? (unsigned char)(i >> 12) : 200) && memory[i + 1] == 0);
  return argument;
}

int main(void) {
  memory = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  body(NULL);
  join(start(body, NULL)), join(start(nothing, NULL)), join(start(body, NULL));
  ok();
}
