// SPDX-License-Identifier: Apache-2.0
// pthread_atfork handlers run in the forking thread, in order, in parent and child; malloc's locks are free in the
// child. Breaks when superproc forks behind glibc's back or runs handlers twice.
// calls: fork
// threads: 6
#include "../check.h"

static char trace[100];
static __thread int depth;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(char c) { trace[strlen(trace)] = c; }
static void prepare_one(void) {
  pthread_mutex_lock(&lock);
  depth++;
  note('1');
}
static void parent_one(void) {
  note('p');
  depth--;
  pthread_mutex_unlock(&lock);
}
static void child_one(void) {
  note('c');
  pthread_mutex_unlock(&lock);
}
static void prepare_two(void) { note('2'); }
static void parent_two(void) { note('P'); }
static void child_two(void) { note('C'); }
static int stop;
static void* allocates(void* argument) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) free(malloc(100)), free(malloc(200000));
  return argument;
}
static void* forks(void* argument) {
  for (int i = 0; i < 5; i++) {
    memset(trace, 0, sizeof trace);
    pid_t child = fork();
    if (child == 0) {
      CHECK(strcmp(trace, "21cC") == 0 && depth == 1 && pthread_mutex_trylock(&lock) == 0);
      for (int n = 0; n < 100; n++) free(malloc(n * 100));
      _exit(0);
    }
    CHECK_EXITED(child, 0);
    CHECK(strcmp(trace, "21pP") == 0 && depth == 0);
  }
  return argument;
}

int main(void) {
  CHECK(pthread_atfork(prepare_one, parent_one, child_one) == 0 &&
        pthread_atfork(prepare_two, parent_two, child_two) == 0);
  forks(NULL);
  pthread_t threads[2] = {start(allocates, NULL), start(allocates, NULL)};
  forks(NULL);
  run_on_each(forks, NULL);
  stop = 1;
  join(threads[0]), join(threads[1]);
  ok();
}
