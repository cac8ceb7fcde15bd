// SPDX-License-Identifier: Apache-2.0
// The futex calls between forked processes in memory that they share: wait, wake, bits, requeue, wake_op, and time limits on
// both clocks. Breaks when processes of several nodes do not look at the same waiters.
// calls: futex mmap fork shmat
#include "../check.h"
#include <linux/futex.h>
#include <sys/shm.h>

enum { kWaiters = 4 };
struct shared {
  volatile int words[4];
  volatile int asleep, woken;
};
static struct shared* s;

static long futex(volatile int* word, int operation, int value, const void* limit, volatile int* other,
                  unsigned third) {
  return syscall(SYS_futex, word, operation, value, limit, other, third);
}
static void fork_waiters(pid_t* pids, int word, unsigned bits) {
  s->asleep = s->woken = 0;
  for (int i = 0; i < kWaiters; i++) {
    if ((pids[i] = fork()) != 0) continue;
    __atomic_fetch_add(&s->asleep, 1, __ATOMIC_SEQ_CST);
    CHECK(futex(&s->words[word], FUTEX_WAIT_BITSET, 0, NULL, NULL, bits << i) == 0);
    __atomic_fetch_add(&s->woken, 1, __ATOMIC_SEQ_CST);
    _exit(0);
  }
  EVENTUALLY(s->asleep == kWaiters);
  sleep_ms(60);
}
static void reap(const pid_t* pids) {
  for (int i = 0; i < kWaiters; i++) CHECK_EXITED(pids[i], 0);
}

static void wakes(void) {
  pid_t pids[kWaiters];
  fork_waiters(pids, 0, 1);
  CHECK(futex(&s->words[1], FUTEX_WAKE, 9, NULL, NULL, 0) == 0);
  CHECK(futex(&s->words[0], FUTEX_WAKE_BITSET, 9, NULL, NULL, 4) == 1);
  EVENTUALLY(s->woken == 1);
  CHECK(waitpid(pids[2], NULL, 0) == pids[2]);
  CHECK(futex(&s->words[0], FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
  EVENTUALLY(s->woken == 2);
  CHECK(futex(&s->words[0], FUTEX_WAKE, 9, NULL, NULL, 0) == 2);
  while (wait(NULL) > 0) continue;
  CHECK(s->woken == kWaiters);
}

static void requeues(void) {
  pid_t pids[kWaiters];
  fork_waiters(pids, 0, 1);
  errno = 0;
  CHECK(futex(&s->words[0], FUTEX_CMP_REQUEUE, 1, (void*)9, &s->words[2], 7) == -1 && errno == EAGAIN);
  CHECK(futex(&s->words[0], FUTEX_CMP_REQUEUE, 1, (void*)2, &s->words[2], 0) == 3);
  EVENTUALLY(s->woken == 1);
  CHECK(futex(&s->words[0], FUTEX_REQUEUE, 0, (void*)9, &s->words[2], 0) == 1);
  CHECK(futex(&s->words[0], FUTEX_WAKE, 9, NULL, NULL, 0) == 0);
  // The second word is changed from 0 to 5, and its former value compared.
  CHECK(futex(&s->words[0], FUTEX_WAKE_OP, 1, (void*)1, &s->words[2], FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)) ==
        1);
  CHECK(s->words[2] == 5);
  CHECK(futex(&s->words[2], FUTEX_WAKE, 9, NULL, NULL, 0) == 2);
  s->words[2] = 0;
  reap(pids);
}

static int64_t now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}
static void limits(void) {
  const struct timespec soon = {0, 30000000}, wrong = {0, 1000000000};
  int64_t began = now_ns(CLOCK_MONOTONIC);
  CHECK(futex(&s->words[0], FUTEX_WAIT, 0, &soon, NULL, 0) == -1 && errno == ETIMEDOUT);
  CHECK(now_ns(CLOCK_MONOTONIC) - began >= 30000000);
  const struct {
    clockid_t clock;
    int flag;
  } clocks[] = {{CLOCK_MONOTONIC, 0}, {CLOCK_REALTIME, FUTEX_CLOCK_REALTIME}};
  for (int i = 0; i < 2; i++) {
    int64_t until = now_ns(clocks[i].clock) + 30000000;
    const struct timespec limit = {until / 1000000000, until % 1000000000};
    CHECK(futex(&s->words[0], FUTEX_WAIT_BITSET | clocks[i].flag, 0, &limit, NULL, ~0u) == -1 && errno == ETIMEDOUT);
    CHECK(now_ns(clocks[i].clock) >= until);
  }
  CHECK(futex(&s->words[0], FUTEX_WAIT, 1, &soon, NULL, 0) == -1 && errno == EAGAIN);
  CHECK(futex(&s->words[0], FUTEX_WAIT, 0, &wrong, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex(&s->words[0], FUTEX_WAIT_BITSET, 0, &soon, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex((int*)((char*)s + 1), FUTEX_WAKE, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
}

// By many: no wake-up is lost.
static void turns(void) {
  s->words[0] = s->words[1] = 0;
  pid_t child = fork();
  const int side = child == 0;
  for (int i = 0; i < 2000; i++) {
    for (int turn; (turn = s->words[1]) % 2 != side;) futex(&s->words[1], FUTEX_WAIT, turn, NULL, NULL, 0);
    __atomic_fetch_add(&s->words[1], 1, __ATOMIC_SEQ_CST);
    futex(&s->words[1], FUTEX_WAKE, 1, NULL, NULL, 0);
  }
  if (side) _exit(0);
  CHECK_EXITED(child, 0);
  CHECK(s->words[1] == 4000);
  s->words[1] = 0;
}

static void all(void) {
  limits();
  wakes();
  requeues();
  turns();
}

int main(void) {
  s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(s != MAP_FAILED);
  all();
  int segment = shmget(IPC_PRIVATE, 4096, 0600);
  s = shmat(segment, NULL, 0);
  CHECK(segment >= 0 && s != (void*)-1 && shmctl(segment, IPC_RMID, NULL) == 0);
  all();
  ok();
}
