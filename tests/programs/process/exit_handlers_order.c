// SPDX-License-Identifier: Apache-2.0
// exit in a thread runs atexit and on_exit functions and destructors once, in reverse order, in that thread; quick
// output is flushed. Breaks when exit_group is done by each resident, or handlers run in each.
// calls: exit_group
// expect: exit 17
// threads: 3
// output: same
#include "../check.h"

static pthread_t leaver;
static void first(void) { printf("first registered, last run: %d\n", pthread_equal(leaver, pthread_self())); }
static void second(int status, void* argument) { printf("on_exit %d %s\n", status, (char*)argument); }
__attribute__((destructor)) static void destroy(void) { printf("destructor\n"); }

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* leaves(void* argument) {
  leaver = pthread_self();
  CHECK(on_exit(second, "argument") == 0);
  printf("leaving");
  exit(17);
  return argument;
}

int main(void) {
  CHECK(atexit(first) == 0);
  start(sleeps, NULL), start(sleeps, NULL), start(leaves, NULL);
  for (;;) pause();
}
