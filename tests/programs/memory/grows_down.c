// SPDX-License-Identifier: Apache-2.0
// A MAP_GROWSDOWN mapping grows when its first page below is touched, also by a thread that runs on it as its stack.
// Breaks when the mapping is put into an arena that cannot grow.
// calls: mmap
// threads: 4
#include "../check.h"

static void* body(void* argument) {
  char* room = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(room != MAP_FAILED && munmap(room, 4 << 20) == 0);
  char* top = mmap(room + (3 << 20), 65536, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(top == room + (3 << 20));
  for (int i = 0; i < 65536; i += 4096) top[i] = 1;
  for (int i = 1; i <= 64; i++) {
    CHECK(top[-i * 4096] == 0);
    top[-i * 4096] = (char)i;
  }
  for (int i = 1; i <= 64; i++) CHECK(top[-i * 4096] == (char)i);
  CHECK(munmap(top - 64 * 4096, 65536 + 64 * 4096) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
