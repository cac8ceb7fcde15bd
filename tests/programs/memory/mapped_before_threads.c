// SPDX-License-Identifier: Apache-2.0
// What a single-threaded program has mapped private of a file, and written to, is there for the threads that it starts
// later: read-only and writable, also where a mapping is longer than its file. Breaks when what is mapped already is
// neither opened on the other nodes nor copied for them.
// calls: mmap mprotect
// threads: 8
#include "../check.h"

enum { PAGE = 4096, BYTES = 6 * PAGE, FILE_BYTES = 4 * PAGE + 100 };

static unsigned char *readable, *writable;

static unsigned char byte_at(int at) { return (unsigned char)(at * 7 / 5); }

static void* sees_both(void* argument) {
  for (int at = 0; at < FILE_BYTES; at++)
    CHECK(readable[at] == byte_at(at) && (at == PAGE || at < 10 || writable[at] == byte_at(at)));
  CHECK(readable[FILE_BYTES] == 0 && writable[PAGE] == 'w');
  CHECK(__atomic_add_fetch(&writable[(intptr_t)argument], 1, __ATOMIC_SEQ_CST) == 101);
  return argument;
}

int main(void) {
  char name[] = "/tmp/sp-program-XXXXXX";
  int fd = mkstemp(name);
  CHECK(fd >= 0 && unlink(name) == 0);
  unsigned char text[FILE_BYTES];
  for (int at = 0; at < FILE_BYTES; at++) text[at] = byte_at(at);
  CHECK(write(fd, text, sizeof text) == sizeof text);
  readable = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
  writable = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(readable != MAP_FAILED && writable != MAP_FAILED && close(fd) == 0);
  memset(writable, 100, 10);
  writable[PAGE] = 'w';
  pthread_t threads[8];
  for (intptr_t i = 0; i < 8; i++) threads[i] = start(sees_both, (void*)i);
  for (int i = 0; i < 8; i++) join(threads[i]);
  for (int i = 0; i < 8; i++) CHECK(writable[i] == 101);
  ok();
}
