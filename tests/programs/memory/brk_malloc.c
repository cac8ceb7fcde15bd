// SPDX-License-Identifier: Apache-2.0
// malloc in main from brk, many blocks of small sizes, trimmed and grown again while threads read them and fork copies
// them. Breaks when the heap's mapping, reserved at conversion, is shorter than the limit allows.
// calls: brk
// threads: 12
#include "../check.h"
#include <malloc.h>

enum { kBlocks = 20000 };
static char* blocks[kBlocks];

static void* checks(void* argument) {
  for (int i = 0; i < kBlocks; i++) CHECK(blocks[i][0] == (char)i && blocks[i][999] == (char)(i * 3));
  return argument;
}

int main(void) {
  mallopt(M_TOP_PAD, 0);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < kBlocks; i++) {
      CHECK((blocks[i] = malloc(1000)) != NULL);
      blocks[i][0] = (char)i, blocks[i][999] = (char)(i * 3);
    }
    run_on_each(checks, NULL);
    pid_t child = fork();
    if (child == 0) checks(NULL), _exit(0);
    CHECK_EXITED(child, 0);
    for (int i = kBlocks - 1; i >= 0; i--) free(blocks[i]);
    malloc_trim(0);
  }
  ok();
}
