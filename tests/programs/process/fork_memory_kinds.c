// SPDX-License-Identifier: Apache-2.0
// What a child finds in its memory and its registers, whatever kind it is and wherever the child runs: data, heap, stack,
// guards, read-only pages, private and shared files, holes, vector registers, thread-local storage, clocks, an alternate
// stack, handlers, masks, limits, folder, and a heap and stack that grow on. Breaks when a remote fork leaves one out.
// calls: fork mmap mprotect brk sigaltstack rt_sigaction rt_sigprocmask setrlimit umask chdir prctl
#include "../check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { kPage = 4096, kLarge = 3 << 20 };
static int data = 7, zero;
static const char constant[] = "constant";
static __thread int local = 9;
static volatile int handled;

static void on_signal(int signal) { handled = signal; }

static char* map(size_t bytes, int protection, int flags, int file) {
  char* at = mmap(NULL, bytes, protection, flags, file, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

static int deep(int depth) {
  volatile char frame[kPage];
  memset((char*)frame, depth, sizeof frame);
  return depth == 0 ? 0 : deep(depth - 1) + (frame[17] == (char)depth);
}

static int is_full_of(const char* memory, size_t bytes, char value) {
  for (size_t i = 0; i < bytes; i++)
    if (memory[i] != value) return 0;
  return 1;
}

int main(void) {
  char name[] = "fork-memory-XXXXXX";
  int file = mkstemp(name);
  CHECK(file >= 0 && ftruncate(file, 4 * kPage) == 0);
  char* shared = map(4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  char* private = map(4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
  CHECK(close(file) == 0);
  strcpy(shared, "shared"), strcpy(private + kPage, "private");
  char* large = map(kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  memset(large, 'l', kLarge - kPage); // the last page has never been touched
  char* guarded = map(3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  strcpy(guarded, "before"), strcpy(guarded + kPage, "hidden");
  CHECK(mprotect(guarded + kPage, kPage, PROT_NONE) == 0 && mprotect(guarded, kPage, PROT_READ) == 0);
  char* heap = malloc(100000);
  strcpy(heap + 70000, "heap");
  local = 10, data = 8;
  volatile double number = 1.25;
  char* above = sbrk(0);

  static char alternate[65536];
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, now;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}, old;
  sigset_t mask, had;
  sigemptyset(&mask), sigaddset(&mask, SIGUSR2);
  CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR && sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
  struct rlimit limit = {100, 200};
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && prctl(PR_SET_NAME, "kinds") == 0);
  umask(027);
  char before[4096], after[4096], thread[16];
  CHECK(getcwd(before, sizeof before) != NULL);

  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    CHECK(getppid() == parent && getpid() != parent && data == 8 && zero == 0 && local == 10 && number * 4 == 5);
    CHECK(strcmp(constant, "constant") == 0 && strcmp(heap + 70000, "heap") == 0);
    CHECK(strcmp(shared, "shared") == 0 && strcmp(private + kPage, "private") == 0 && private[0] == 's');
    CHECK(is_full_of(large, kLarge - kPage, 'l') && is_full_of(large + kLarge - kPage, kPage, 0));
    CHECK(strcmp(guarded, "before") == 0 && write(-1, guarded + kPage, 1) == -1);
    CHECK(mprotect(guarded + kPage, kPage, PROT_READ) == 0 && strcmp(guarded + kPage, "hidden") == 0);
    strcpy(shared + kPage, "from the child"), strcpy(large, "mine");
    CHECK(madvise(large + kPage, kLarge - kPage, MADV_DONTNEED) == 0 && strcmp(large, "mine") == 0);
    CHECK(is_full_of(large + kPage, kLarge - kPage, 0));
    CHECK(sbrk(0) == above && sbrk(1 << 20) == above && is_full_of(above, 1 << 20, 0));
    CHECK(deep(300) == 300);
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0 && sched_getcpu() >= 0);
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate && now.ss_size == sizeof alternate);
    CHECK(raise(SIGUSR1) == 0 && handled == SIGUSR1 && sigprocmask(SIG_BLOCK, NULL, &had) == 0);
    CHECK(sigismember(&had, SIGUSR2) == 1 && sigismember(&had, SIGUSR1) == 0);
    CHECK(sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100 && limit.rlim_max == 200);
    CHECK(umask(0) == 027 && getcwd(after, sizeof after) != NULL && strcmp(before, after) == 0);
    CHECK(prctl(PR_GET_NAME, thread) == 0 && strcmp(thread, "kinds") == 0);
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(strcmp(large, "mine") == 0 && data == 8 ? 21 : 1);
    CHECK_EXITED(grandchild, 21);
    _exit(22);
  }
  CHECK_EXITED(child, 22);
  CHECK(strcmp(shared + kPage, "from the child") == 0 && large[0] == 'l' && unlink(name) == 0);
  ok();
}
