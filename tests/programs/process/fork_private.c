// SPDX-License-Identifier: Apache-2.0
// After fork neither side sees what the other writes: globals, heap, brk, stacks of main and threads, mapped memory,
// TLS, data of libraries. Breaks when some range of the child still is the parent's segment.
// calls: fork
// threads: 4
#include "../check.h"

static int data = 1, bss;
static __thread int own = 1;
static int *heap, *mapped, *file, *main_stack, *thread_stack;

static void set_all(int value) {
  data = bss = own = *heap = *mapped = *file = *main_stack = value;
  if (thread_stack != NULL) *thread_stack = value;
  optind = value;
  environ[0][0] = (char)('A' + value);
}
static void check_all(int value) {
  CHECK(data == value && bss == value && own == value && *heap == value && *mapped == value && *file == value);
  CHECK(*main_stack == value && (thread_stack == NULL || *thread_stack == value));
  CHECK(optind == value && environ[0][0] == 'A' + value);
}
static void* body(void* argument) {
  int local, to_child[2], to_parent[2];
  char byte;
  if (argument != NULL) thread_stack = &local;
  CHECK(pipe(to_child) == 0 && pipe(to_parent) == 0);
  set_all(1);
  pid_t child = fork();
  if (child == 0) {
    check_all(1);
    set_all(2);
    CHECK(write(to_parent[1], "x", 1) == 1 && read(to_child[0], &byte, 1) == 1);
    check_all(2);
    _exit(0);
  }
  CHECK(read(to_parent[0], &byte, 1) == 1);
  check_all(1);
  set_all(3);
  CHECK(write(to_child[1], "x", 1) == 1);
  CHECK_EXITED(child, 0);
  check_all(3);
  close(to_child[0]), close(to_child[1]), close(to_parent[0]), close(to_parent[1]);
  thread_stack = NULL;
  return NULL;
}

int main(void) {
  int local;
  main_stack = &local;
  setenv("LAST", "x", 1);
  heap = malloc(4);
  mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int fd = memfd_create("file", MFD_CLOEXEC);
  CHECK(ftruncate(fd, 4096) == 0);
  file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  body(NULL);
  run_on_each(body, (void*)1);
  body(NULL);
  ok();
}
