// SPDX-License-Identifier: Apache-2.0
// A thread that takes signals with sigwait, sigwaitinfo and sigtimedwait gets those sent to the process and to it,
// with fields. Breaks when a process-directed signal is queued in the home process and the waiter is elsewhere.
// calls: rt_sigtimedwait kill tgkill
// threads: 4
#include "../check.h"

static int step;

static void* body(void* argument) {
  sigset_t set;
  int number;
  siginfo_t info;
  struct timespec none = {0, 2000000};
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGTERM);
  CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
  __atomic_store_n(&step, 1, __ATOMIC_SEQ_CST);
  CHECK(sigwait(&set, &number) == 0 && number == SIGTERM);
  __atomic_store_n(&step, 2, __ATOMIC_SEQ_CST);
  // glibc makes SI_USER of the kernel's SI_TKILL here.
  CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_signo == SIGUSR1 && info.si_code == SI_USER &&
        info.si_pid == getpid());
  __atomic_store_n(&step, 3, __ATOMIC_SEQ_CST);
  CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_QUEUE && info.si_value.sival_int == 77);
  CHECK(info.si_pid == getpid() && info.si_uid == getuid());
  __atomic_store_n(&step, 4, __ATOMIC_SEQ_CST);
  CHECK(sigwaitinfo(&set, &info) == SIGTERM && info.si_code == SI_USER && info.si_pid == (pid_t)(intptr_t)argument);
  return NULL;
}

int main(void) {
  sigset_t set;
  sigfillset(&set);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  for (int round = 0; round < 4; round++) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
      char byte;
      CHECK(read(ends[0], &byte, 1) == 1 && kill(getppid(), SIGTERM) == 0);
      _exit(0);
    }
    step = 0;
    pthread_t thread = start(body, (void*)(intptr_t)child);
    EVENTUALLY(__atomic_load_n(&step, __ATOMIC_SEQ_CST) == 1);
    CHECK(kill(getpid(), SIGTERM) == 0);
    EVENTUALLY(__atomic_load_n(&step, __ATOMIC_SEQ_CST) == 2);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    EVENTUALLY(__atomic_load_n(&step, __ATOMIC_SEQ_CST) == 3);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}) == 0);
    EVENTUALLY(__atomic_load_n(&step, __ATOMIC_SEQ_CST) == 4);
    CHECK(write(ends[1], "x", 1) == 1);
    join(thread);
    CHECK_EXITED(child, 0);
    close(ends[0]), close(ends[1]);
  }
  ok();
}
