// SPDX-License-Identifier: Apache-2.0
// A library is loaded in one thread, called in others, its variable and TLS behave, its constructor and destructor run
// once; dlclose. Breaks when file mappings made by ld.so on one node are missing on another.
// calls: openat mmap mprotect munmap
// threads: 20
#include "../check.h"
#include <dlfcn.h>

static void* handle;
static char path[4096];

static void* opens(void* argument) {
  handle = dlopen(path, RTLD_NOW);
  CHECK(handle != NULL || (fprintf(stderr, "%s\n", dlerror()), 0));
  return argument;
}
static void* calls(void* argument) {
  int (*next)(void) = (int (*)(void))dlsym(handle, "counter_next");
  int (*own)(void) = (int (*)(void))dlsym(handle, "counter_own_next");
  int* count = dlsym(handle, "counter");
  CHECK(next != NULL && own != NULL && count != NULL);
  int before = *count;
  CHECK(next() == before + 1 && *count == before + 1);
  CHECK(own() == 701 && own() == 702);
  return argument;
}
static void* closes(void* argument) {
  CHECK(dlclose(handle) == 0);
  CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL);
  return argument;
}

int main(void) {
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 100);
  CHECK(length > 0);
  path[length] = '\0';
  strcpy(strrchr(path, '/') + 1, "lib_counter.so");
  for (int round = 0; round < 4; round++) {
    round % 2 ? opens(NULL) : join(start(opens, NULL));
    run_on_each(calls, NULL);
    CHECK(*(int*)dlsym(handle, "counter") == 104 && *(int*)dlsym(handle, "constructed") == 1);
    round < 2 ? closes(NULL) : join(start(closes, NULL));
  }
  CHECK(dlopen("./no-such-library.so", RTLD_NOW) == NULL && dlerror() != NULL);
  ok();
}
