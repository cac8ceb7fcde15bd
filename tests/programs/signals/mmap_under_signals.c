// SPDX-License-Identifier: Apache-2.0
// Threads on all nodes map, protect, write, move and unmap memory while others send them signals, whose handler maps memory
// too. Breaks when a handler runs while the shim holds a lock of its own, or when memory changes under an interrupted call.
// calls: mmap munmap mprotect mremap madvise tgkill
// threads: 6
#include "../check.h"

enum { kThreads = 4, kSenders = 2, kRounds = 500, kPage = 4096 };
static pthread_t threads[kThreads];
static int ready, done, handled;

static void map_and_unmap(size_t bytes) {
  char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && memory[0] == 0 && memory[bytes - 1] == 0);
  memory[0] = memory[bytes - 1] = 1;
  CHECK(munmap(memory, bytes) == 0);
}
static void on_signal(int number) {
  int error = errno;
  (void)number;
  map_and_unmap(2 * kPage);
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
  errno = error;
}
static void* body(void* argument) {
  threads[(intptr_t)argument] = pthread_self();
  __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == kThreads);
  for (int i = 1; i <= kRounds; i++) {
    size_t bytes = (size_t)(1 + i % 7) * 4 * kPage;
    map_and_unmap(bytes);
    int* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memory[0] = i;
    if (i % 8 == 0)
      CHECK(mprotect(memory, kPage, PROT_READ) == 0 && mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
    if (i % 5 == 0) {
      CHECK((memory = mremap(memory, bytes, bytes + 8 * kPage, MREMAP_MAYMOVE)) != MAP_FAILED);
      bytes += 8 * kPage;
    }
    CHECK(memory[0] == i && memory[bytes / sizeof(int) - 1] == 0);
    CHECK(madvise(memory, bytes, MADV_DONTNEED) == 0 && memory[0] == 0);
    CHECK(munmap((char*)memory + kPage, bytes - kPage) == 0 && munmap(memory, kPage) == 0);
  }
  sigset_t set;
  sigfillset(&set), pthread_sigmask(SIG_BLOCK, &set, NULL);
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) == kThreads + kSenders);
  return argument;
}
static void* sender(void* argument) {
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == kThreads);
  for (int i = 0; __atomic_load_n(&done, __ATOMIC_SEQ_CST) < kThreads; i++) {
    CHECK(pthread_kill(threads[i % kThreads], i % 3 ? SIGUSR1 : SIGUSR2) == 0);
    if (i % 8 == 0) usleep(50);
  }
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL), sigaction(SIGUSR2, &action, NULL);
  pthread_t started[kThreads + kSenders];
  for (intptr_t i = 0; i < kThreads + kSenders; i++) started[i] = start(i < kThreads ? body : sender, (void*)i);
  for (int i = 0; i < kThreads + kSenders; i++) join(started[i]);
  CHECK(handled > 0);
  ok();
}
