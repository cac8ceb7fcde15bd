// SPDX-License-Identifier: Apache-2.0
// System V semaphores between processes, forked and executed: turns, values, who was last and who waits, SEM_UNDO at the
// end of a process however it ends, time limits, EINTR, removal. Breaks when the nodes' semaphores are not the same ones.
// calls: semget semop semtimedop semctl
#include "../check.h"
#include <sys/ipc.h>
#include <sys/sem.h>

enum { kMine, kTheirs, kUndone, kCount, kTurns = 50 };
union argument {
  int value;
  struct semid_ds* about;
  unsigned short* values;
};
static int set;

static int operate(int semaphore, int change, int flags) {
  struct sembuf operation = {(unsigned short)semaphore, (short)change, (short)flags};
  return semop(set, &operation, 1);
}
static int control(int semaphore, int command, union argument argument) {
  return semctl(set, semaphore, command, argument);
}
static int get(int semaphore, int command) { return control(semaphore, command, (union argument){0}); }

static void peer(void) {
  for (int i = 0; i < kTurns; i++) CHECK(operate(kMine, -1, 0) == 0 && operate(kTheirs, 1, 0) == 0);
  _exit(get(kMine, GETPID) == getpid() ? 7 : 1);
}
static void takes_turns(int executes) {
  char id[20], path[400] = "";
  CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  snprintf(id, sizeof id, "%d", set);
  pid_t child = fork();
  if (child == 0 && executes) execl(path, path, id, NULL);
  if (child == 0) peer();
  for (int i = 0; i < kTurns; i++) CHECK(operate(kMine, 1, 0) == 0 && operate(kTheirs, -1, 0) == 0);
  CHECK_EXITED(child, 7);
  CHECK(get(kMine, GETPID) == child);
}

static void ends_while_it_waits(int by) {
  CHECK(control(kUndone, SETVAL, (union argument){3}) == 0);
  pid_t child = fork();
  if (child == 0) {
    CHECK(operate(kUndone, -2, SEM_UNDO) == 0);
    if (by == 0) _exit(0);
    operate(kMine, -1, 0);
    _exit(1);
  }
  if (by) {
    EVENTUALLY(get(kMine, GETNCNT) == 1);
    CHECK(get(kUndone, GETVAL) == 1 && kill(child, by) == 0);
  }
  int status = status_of(child);
  CHECK(by ? WIFSIGNALED(status) && WTERMSIG(status) == by : WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(get(kUndone, GETVAL) == 3);
  EVENTUALLY(get(kMine, GETNCNT) == 0);
}

static volatile int caught;
static void on_signal(int number) { caught = number; }
static void is_interrupted(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  pid_t child = fork();
  if (child == 0) _exit(operate(kMine, -1, 0) == -1 && errno == EINTR && caught == SIGUSR1 ? 5 : 1);
  EVENTUALLY(get(kMine, GETNCNT) == 1);
  CHECK(kill(child, SIGUSR1) == 0);
  CHECK_EXITED(child, 5);
}

static void limits(void) {
  struct timespec short_time = {0, 20000000}, wrong = {0, -1};
  struct sembuf down = {kMine, -1, 0}, down_at_once = {kMine, -1, IPC_NOWAIT}, zero = {kMine, 0, 0};
  CHECK(semtimedop(set, &down, 1, &short_time) == -1 && errno == EAGAIN);
  CHECK(semtimedop(set, &down, 1, &wrong) == -1 && errno == EINVAL);
  CHECK(semop(set, &down_at_once, 1) == -1 && errno == EAGAIN && semop(set, &zero, 1) == 0);
  CHECK(semop(set, &down, 0) == -1 && errno == EINVAL && semop(set, &down, 100000) == -1 && errno == E2BIG);
  CHECK(semop(set, (struct sembuf*)8, 1) == -1 && errno == EFAULT);
  CHECK(operate(kCount, 1, 0) == -1 && errno == EFBIG);
}

static void values(void) {
  unsigned short given[kCount] = {0, 4, 9}, seen[kCount] = {0};
  struct semid_ds about;
  CHECK(control(0, SETALL, (union argument){.values = given}) == 0);
  CHECK(control(0, GETALL, (union argument){.values = seen}) == 0 && memcmp(given, seen, sizeof seen) == 0);
  CHECK(control(0, IPC_STAT, (union argument){.about = &about}) == 0 && about.sem_nsems == kCount);
  CHECK((about.sem_perm.mode & 0777) == 0600 && about.sem_perm.cuid == getuid());
  about.sem_perm.mode = 0640;
  CHECK(control(0, IPC_SET, (union argument){.about = &about}) == 0);
  CHECK(control(0, IPC_STAT, (union argument){.about = &about}) == 0 && (about.sem_perm.mode & 0777) == 0640);
  CHECK(control(0, IPC_STAT, (union argument){.value = 8}) == -1 && errno == EFAULT);
}

static void is_removed(void) {
  pid_t child = fork();
  if (child == 0) _exit(operate(kMine, -1, 0) == -1 && errno == EIDRM ? 6 : 1);
  EVENTUALLY(get(kMine, GETNCNT) == 1);
  CHECK(get(0, IPC_RMID) == 0);
  CHECK_EXITED(child, 6);
  CHECK(get(0, GETVAL) == -1 && errno == EINVAL);
}

int main(int argc, char** argv) {
  if (argc > 1) set = atoi(argv[1]), peer();
  key_t key = 0x5350 << 16 | (getpid() & 0xffff);
  set = semget(key, kCount, IPC_CREAT | IPC_EXCL | 0600);
  CHECK(set >= 0 && semget(key, kCount, 0600) == set);
  CHECK(semget(key, kCount, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
  takes_turns(0), takes_turns(1), takes_turns(1);
  ends_while_it_waits(0), ends_while_it_waits(SIGKILL), ends_while_it_waits(SIGTERM);
  is_interrupted();
  limits();
  values();
  CHECK(control(kMine, SETVAL, (union argument){0}) == 0);
  is_removed();
  ok();
}
