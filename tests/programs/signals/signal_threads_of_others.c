// SPDX-License-Identifier: Apache-2.0
// tgkill, tkill and rt_tgsigqueueinfo reach a single thread of another process, from its parent and from a sibling, and say
// who has sent them. Breaks when the thread is looked for on the sender's node, or somebody else sends in its place.
// calls: tgkill tkill rt_tgsigqueueinfo
#include "../check.h"

enum { kThreads = 3 };
struct told {
  pid_t sender, thread;
  int code, value;
};
static int tids[2], news[2];
static volatile int over;

static void on_signal(int number, siginfo_t* info, void* unused) {
  struct told told = {info->si_pid, gettid(), info->si_code, number == SIGUSR2 ? info->si_value.sival_int : 0};
  CHECK(unused && write(news[1], &told, sizeof told) == sizeof told);
}
static void* receives(void* argument) {
  pid_t own = gettid();
  CHECK(write(tids[1], &own, sizeof own) == sizeof own);
  while (!over) usleep(1000);
  return argument;
}
static void* ends(void* argument) {
  over = 1;
  return argument;
}
static void target(void) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) threads[i] = start(receives, NULL);
  for (int i = 0; i < kThreads; i++) join(threads[i]);
  _exit(3);
}

static void is_told(pid_t thread, int code, int value) {
  struct told told;
  ssize_t bytes;
  while ((bytes = read(news[0], &told, sizeof told)) < 0 && errno == EINTR) {
  }
  CHECK(bytes == sizeof told && told.thread == thread && told.sender == getpid());
  CHECK(told.code == code && told.value == value);
}
static void sends(pid_t process, const pid_t* threads) {
  for (int i = 0; i < kThreads; i++) {
    CHECK(syscall(SYS_tgkill, process, threads[i], 0) == 0);
    CHECK(syscall(SYS_tgkill, process, threads[i], SIGUSR1) == 0);
    is_told(threads[i], SI_TKILL, 0);
    CHECK(syscall(SYS_tkill, threads[i], SIGUSR1) == 0);
    is_told(threads[i], SI_TKILL, 0);
    siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
    info.si_pid = getpid(), info.si_uid = getuid(), info.si_value.sival_int = 100 + i;
    CHECK(syscall(SYS_rt_tgsigqueueinfo, process, threads[i], SIGUSR2, &info) == 0);
    is_told(threads[i], SI_QUEUE, 100 + i);
    CHECK(syscall(SYS_tgkill, getpid(), threads[i], SIGUSR1) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_tgkill, process, threads[i], 99) == -1 && errno == EINVAL);
  }
}

static void on_end(int number) {
  (void)number;
  ends(NULL);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
  CHECK(signal(SIGTERM, on_end) == SIG_DFL && pipe(tids) == 0 && pipe(news) == 0);
  pid_t process = fork(), threads[kThreads];
  if (process == 0) target();
  for (int i = 0; i < kThreads; i++) CHECK(read(tids[0], &threads[i], sizeof threads[i]) == sizeof threads[i]);
  sends(process, threads);
  pid_t sibling = fork();
  if (sibling == 0) sends(process, threads), _exit(4);
  CHECK_EXITED(sibling, 4);
  CHECK(syscall(SYS_tgkill, process, threads[0], SIGTERM) == 0);
  CHECK_EXITED(process, 3);
  CHECK(syscall(SYS_tgkill, process, threads[0], 0) == -1 && errno == ESRCH);
  ok();
}
