// SPDX-License-Identifier: Apache-2.0
// A child process dies holding a robust process-shared mutex: a thread of the parent gets EOWNERDEAD, on every node.
// Breaks when the child's robust list is not the kernel's, or the futex is keyed by process.
// calls: set_robust_list futex fork kill
// threads: 8
#include "../check.h"

static pthread_mutex_t* mutex;

static void* body(void* argument) {
  pid_t child = fork();
  if (child == 0) {
    CHECK(pthread_mutex_lock(mutex) == 0);
    if (argument != NULL) kill(getpid(), SIGKILL);
    _exit(0);
  }
  int status = status_of(child);
  CHECK(argument != NULL ? WIFSIGNALED(status) : WIFEXITED(status));
  CHECK(pthread_mutex_lock(mutex) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
  return NULL;
}

int main(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(mutex != MAP_FAILED && pthread_mutex_init(mutex, &attributes) == 0);
  body(NULL);
  run_on_each(body, NULL);
  run_on_each(body, (void*)1);
  ok();
}
