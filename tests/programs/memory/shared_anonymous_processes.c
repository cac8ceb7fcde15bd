// SPDX-License-Identifier: Apache-2.0
// MAP_SHARED|MAP_ANONYMOUS memory of processes that were forked: everybody sees what the others write, process-shared
// mutexes, semaphores, condition variables and barriers in it work, and it stays as long as somebody has it, in pieces
// too. Breaks when a child that goes on on another node has a copy.
// calls: mmap munmap mremap fork futex
#include "../check.h"
#include <semaphore.h>

enum { kChildren = 3, kTurns = 400, kMakers = 4, kPage = 4096 };
struct shared {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  pthread_barrier_t barrier;
  sem_t asked, answered;
  long plain, ready;
  int pids[kChildren];
};

static void* map(size_t bytes) {
  void* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

static struct shared* prepare(void) {
  struct shared* s = map(sizeof *s);
  pthread_mutexattr_t mutex;
  pthread_condattr_t condition;
  pthread_barrierattr_t barrier;
  CHECK(!pthread_mutexattr_init(&mutex) && !pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
  CHECK(!pthread_condattr_init(&condition) && !pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED));
  CHECK(!pthread_barrierattr_init(&barrier) && !pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED));
  CHECK(!pthread_mutex_init(&s->mutex, &mutex) && !pthread_cond_init(&s->condition, &condition));
  CHECK(!pthread_barrier_init(&s->barrier, &barrier, kChildren + 1));
  CHECK(!sem_init(&s->asked, 1, 0) && !sem_init(&s->answered, 1, 0));
  return s;
}

static void child(struct shared* s, int number) {
  usleep(100);
  s->pids[number] = getpid();
  pthread_barrier_wait(&s->barrier);
  for (int i = 0; i < kChildren; i++) CHECK(s->pids[i] > 0);
  for (int i = 0; i < kTurns; i++) {
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    s->plain++;
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
  }
  CHECK(pthread_mutex_lock(&s->mutex) == 0);
  s->ready++;
  CHECK(pthread_cond_broadcast(&s->condition) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
  for (int i = 0; i < kTurns; i++) CHECK(sem_wait(&s->asked) == 0 && sem_post(&s->answered) == 0);
  _exit(number);
}

static void synchronize(void) {
  struct shared* s = prepare();
  pid_t children[kChildren];
  for (int i = 0; i < kChildren; i++)
    if ((children[i] = fork()) == 0) child(s, i);
  pthread_barrier_wait(&s->barrier);
  CHECK(pthread_mutex_lock(&s->mutex) == 0);
  while (s->ready < kChildren) CHECK(pthread_cond_wait(&s->condition, &s->mutex) == 0);
  CHECK(pthread_mutex_unlock(&s->mutex) == 0 && s->plain == kChildren * kTurns);
  for (int i = 0; i < kChildren * kTurns; i++) CHECK(sem_post(&s->asked) == 0 && sem_wait(&s->answered) == 0);
  for (int i = 0; i < kChildren; i++) {
    CHECK_EXITED(children[i], i);
    CHECK(s->pids[i] == children[i]);
  }
  CHECK(munmap(s, sizeof *s) == 0);
}

// Processes that have what their parents, which are gone, made; some of those began elsewhere.
static void outlives_its_maker(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  for (int i = 0; i < kMakers; i++) {
    pid_t maker = fork();
    if (maker == 0) {
      char* memory = map(8 * kPage);
      memset(memory, 'a' + i, 8 * kPage);
      if (fork() != 0) _exit(i);
      usleep(1500000);
      for (int at = 0; at < 8 * kPage; at++) CHECK(memory[at] == 'a' + i);
      CHECK(write(ends[1], "k", 1) == 1);
      _exit(0);
    }
    CHECK_EXITED(maker, i);
  }
  close(ends[1]);
  for (int i = 0; i < kMakers; i++) {
    char answer = 0;
    CHECK(read(ends[0], &answer, 1) == 1 && answer == 'k');
  }
  close(ends[0]);
}

static void in_pieces(void) {
  char* memory = map(8 * kPage);
  memset(memory, 'a', 8 * kPage);
  CHECK(munmap(memory, kPage) == 0 && munmap(memory + 7 * kPage, kPage) == 0 && munmap(memory + 3 * kPage, kPage) == 0);
  CHECK(mprotect(memory + kPage, kPage, PROT_READ) == 0);
  char* moved = mremap(memory + 4 * kPage, 3 * kPage, 3 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, map(3 * kPage));
  CHECK(moved != MAP_FAILED);
  pid_t child = fork();
  if (child == 0) {
    usleep(100);
    CHECK(memory[kPage] == 'a' && memory[3 * kPage - 1] == 'a' && moved[0] == 'a' && moved[3 * kPage - 1] == 'a');
    memory[2 * kPage] = moved[kPage] = 'b';
    _exit(5);
  }
  CHECK_EXITED(child, 5);
  CHECK(memory[2 * kPage] == 'b' && moved[kPage] == 'b');
  CHECK(munmap(memory, 8 * kPage) == 0 && munmap(moved, 3 * kPage) == 0);
}

static void again_and_again(void) {
  for (int i = 0; i < 600; i++) {
    int* memory = map((i % 7 + 1) * kPage);
    CHECK(memory[0] == 0 && memory[1023] == 0);
    memory[0] = memory[1023] = i + 1;
    CHECK(munmap(memory, (i % 7 + 1) * kPage) == 0);
  }
}

int main(void) {
  synchronize(), synchronize();
  outlives_its_maker();
  in_pieces();
  again_and_again();
  ok();
}
