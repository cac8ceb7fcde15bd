// SPDX-License-Identifier: Apache-2.0
// A read-only mapping of a file, private or shared, shows in all threads what is written to the file later; executable
// text stays as is. Breaks when conversion copies file pages that natively follow the file.
// calls: mmap pwrite64 ftruncate
// threads: 13
#include "../check.h"

static const volatile char *shared_map, *private_map;
static int fd;
static char expected;

static void* sees(void* argument) {
  CHECK(shared_map[5] == expected && private_map[5] == expected);
  return argument;
}
static void* maps(void* argument) {
  shared_map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  private_map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  CHECK(shared_map != MAP_FAILED && private_map != MAP_FAILED);
  return argument;
}

int main(void) {
  fd = memfd_create("changes", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
  for (int round = 0; round < 2; round++) {
    round ? join(start(maps, NULL)) : maps(NULL);
    for (expected = 'a'; expected < 'd'; expected++) {
      CHECK(pwrite(fd, &expected, 1, 5) == 1);
      sees(NULL);
      join(start(sees, NULL)), join(start(sees, NULL));
    }
  }
  ok();
}
