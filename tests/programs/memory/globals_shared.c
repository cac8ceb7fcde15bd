// SPDX-License-Identifier: Apache-2.0
// Globals, bss, heap, static locals and main's stack, written before the first thread and by it, are the same for all.
// Breaks when conversion copies a range and leaves one node with the old private page.
// calls: clone mmap
// threads: 9
#include "../check.h"

static int initialised = 11, zero[5000];
static const char* volatile text = "constant";
static int* heap;

static int* static_local(void) {
  static int value = 3;
  return &value;
}

static void* body(void* argument) {
  int* stack = argument;
  initialised++, zero[4999]++, heap[0]++, ++*static_local(), stack[0]++;
  CHECK(strcmp(text, "constant") == 0 && zero[100] == 0);
  return NULL;
}

int main(int argc, char** argv) {
  int stack[3000] = {21};
  heap = calloc(100000, sizeof *heap);
  heap[0] = 31;
  zero[4999] = 41;
  run_on_each(body, stack);
  CHECK(initialised == 15 && zero[4999] == 45 && heap[0] == 35 && *static_local() == 7 && stack[0] == 25);
  run_together(1, nothing);
  body(stack);
  run_on_each(body, stack);
  CHECK(initialised == 20 && zero[4999] == 50 && heap[0] == 40 && *static_local() == 12 && stack[0] == 30);
  CHECK(argc == 1 && argv[1] == NULL && strstr(argv[0], "globals_shared") != NULL);
  ok();
}
