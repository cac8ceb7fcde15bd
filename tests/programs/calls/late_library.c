// SPDX-License-Identifier: Apache-2.0
// A library that makes system calls by itself is loaded while threads compute and sleep on every node; those threads and
// new ones call it: getpid is the process's, memory it maps is everybody's. Breaks when the calls of late code are missed.
// calls: getpid mmap munmap
// threads: 8
#include "../check.h"
#include <dlfcn.h>

static long (*volatile inline_getpid)(void);
static long (*volatile inline_call)(long, long, long, long, long, long, long);
static int gate[2];
static volatile char* volatile page;

static void calls(void) {
  CHECK(inline_getpid() == getpid());
  char* mine = (char*)inline_call(SYS_mmap, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK((long)mine > 0);
  mine[4096] = 42;
  page = mine;
}
static void* spins(void* argument) {
  while (!inline_getpid) {
  }
  calls();
  return argument;
}
static void* sleeps(void* argument) {
  char byte;
  CHECK(read(gate[0], &byte, 1) == 1);
  calls();
  return argument;
}
static void* late(void* argument) {
  calls();
  return argument;
}
static void* looks(void* argument) {
  CHECK(page[4096] == 42 && page[0] == 0);
  return argument;
}

static void* loads(void* argument) {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 100);
  CHECK(length > 0);
  path[length] = '\0';
  strcpy(strrchr(path, '/') + 1, "lib_inline_calls.so");
  void* handle = dlopen(path, RTLD_NOW);
  CHECK(handle != NULL || (fprintf(stderr, "%s\n", dlerror()), 0));
  *(void**)&inline_call = dlsym(handle, "inline_call");
  *(void**)&inline_getpid = dlsym(handle, "inline_getpid");
  return argument;
}

int main(void) {
  pthread_t threads[8];
  CHECK(pipe(gate) == 0);
  for (int i = 0; i < 8; i++) threads[i] = start(i < 4 ? spins : sleeps, NULL);
  join(start(loads, NULL));
  CHECK(inline_getpid && write(gate[1], "1234", 4) == 4);
  for (int i = 0; i < 8; i++) join(threads[i]);
  run_on_each(late, NULL);
  run_on_each(looks, NULL);
  calls();
  run_on_each(looks, NULL);
  ok();
}
