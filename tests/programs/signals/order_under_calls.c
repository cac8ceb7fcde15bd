// SPDX-License-Identifier: Apache-2.0
// Real-time signals to a thread come in order while it maps memory and makes calls that another node answers. Breaks
// when a signal that came at a bad moment is sent again, behind the next.
// calls: rt_tgsigqueueinfo mmap munmap mprotect getppid
// threads: 8
#include "../check.h"

enum { kCount = 3000 };
static volatile int next, up;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  CHECK(info->si_code == SI_QUEUE && info->si_pid == getpid() && info->si_value.sival_int == next);
  next++;
}
static void* body(void* argument) {
  pid_t parent = getppid();
  __atomic_store_n(&up, 1, __ATOMIC_SEQ_CST);
  while (next < kCount) {
    char* memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ) == 0 && munmap(memory, 8192) == 0);
    CHECK(getppid() == parent);
  }
  return argument;
}
static void* send_all(void* argument) {
  pthread_t thread = start(body, NULL);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST));
  for (int i = 0; i < kCount; i++) CHECK(pthread_sigqueue(thread, SIGRTMIN + 5, (union sigval){.sival_int = i}) == 0);
  join(thread);
  next = up = 0;
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  CHECK(sigaction(SIGRTMIN + 5, &action, NULL) == 0);
  send_all(NULL);
  run_on_each(send_all, NULL);
  ok();
}
