// SPDX-License-Identifier: Apache-2.0
// A named semaphore, opened in one thread and again in others, is one semaphore; shm_open memory is shared with a
// child. Breaks when a file mapping made by one node is another one elsewhere.
// calls: openat mmap futex unlink linkat
// threads: 5
#include "../check.h"
#include <semaphore.h>

static char name[40];

static void* posts(void* argument) {
  sem_t* semaphore = sem_open(name, 0);
  CHECK(semaphore != SEM_FAILED && sem_post(semaphore) == 0 && sem_close(semaphore) == 0);
  return argument;
}

int main(void) {
  struct timespec now; // pids of several clusters are the same
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  snprintf(name, sizeof name, "/sp-program-%d-%lx", getpid(), now.tv_sec * 1000000000 + now.tv_nsec);
  sem_t* semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
  CHECK(semaphore != SEM_FAILED);
  run_on_each(posts, NULL);
  pid_t child = fork();
  if (child == 0) posts(NULL), _exit(0);
  CHECK_EXITED(child, 0);
  pthread_t thread = start(posts, NULL);
  for (int i = 0; i < 6; i++) CHECK(sem_wait(semaphore) == 0);
  join(thread);
  CHECK(sem_trywait(semaphore) == -1 && errno == EAGAIN);
  CHECK(sem_unlink(name) == 0 && sem_close(semaphore) == 0);
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && shm_unlink(name) == 0 && ftruncate(fd, 4096) == 0);
  int* memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if ((child = fork()) == 0) *memory = 5, _exit(0);
  CHECK_EXITED(child, 0);
  CHECK(*memory == 5);
  ok();
}
