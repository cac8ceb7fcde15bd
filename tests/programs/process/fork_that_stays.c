// SPDX-License-Identifier: Apache-2.0
// Children of a process that has mapped a file without a name cannot go on on another node, however many there are at once;
// later ones can. Breaks when who stays keeps anything of what it has asked the nodes for.
// calls: fork mmap munmap
#include "../check.h"

int main(void) {
  enum { kAlive = 300, kLater = 20 };
  char name[] = "/tmp/childrenXXXXXX";
  int file = mkstemp(name), gate[2];
  CHECK(file >= 0 && unlink(name) == 0 && ftruncate(file, 4096) == 0 && pipe(gate) == 0);
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  CHECK(page != MAP_FAILED && (page[0] = 'x'));
  pid_t children[kAlive];
  for (int i = 0; i < kAlive; i++) {
    if ((children[i] = fork()) == 0) {
      char byte;
      close(gate[1]);
      _exit(read(gate[0], &byte, 1) == 0 && page[0] == 'x' ? 7 : 1);
    }
    CHECK(children[i] > 0);
  }
  CHECK(munmap(page, 4096) == 0 && close(file) == 0);
  for (int i = 0; i < kLater; i++) {
    pid_t child = fork();
    if (child == 0) _exit(getppid() > 0 ? 8 : 1);
    CHECK_EXITED(child, 8);
  }
  close(gate[1]);
  for (int i = 0; i < kAlive; i++) CHECK_EXITED(children[i], 7);
  ok();
}
