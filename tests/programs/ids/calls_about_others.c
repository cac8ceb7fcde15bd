// SPDX-License-Identifier: Apache-2.0
// Nice value, scheduling, processors, limits and I/O priority of another process are read and set by its number and by its
// group, from its parent and from a sibling; it finds them itself. Who may not is refused, and who is not there not found.
// Breaks when the call reaches the kernel of a node where only the process's shadow is, or which does not know the number.
// calls: getpriority setpriority ioprio_get ioprio_set sched_setparam sched_getparam sched_setscheduler sched_getscheduler
// calls: sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr prlimit64 pidfd_open
#include "../check.h"
#include <poll.h>
#include <sys/resource.h>

enum { kProcess = 1, kGroup = 2, kBestEffort = 2 << 13 }; // <linux/ioprio.h>

struct attributes { // struct sched_attr
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t times[3];
};

static int nice_of(int which, pid_t who) {
  errno = 0;
  int value = getpriority(which, (id_t)who);
  CHECK(errno == 0);
  return value;
}
static struct attributes attributes_of(pid_t pid) {
  struct attributes found;
  CHECK(syscall(SYS_sched_getattr, pid, &found, sizeof found, 0) == 0);
  return found;
}

// What was set last, as the process itself or another one sees it.
static void sees(pid_t named, int nice, long files) {
  cpu_set_t now;
  struct rlimit limit;
  struct sched_param parameter = {1};
  CHECK(nice_of(PRIO_PROCESS, named) == nice && attributes_of(named).nice == nice);
  CHECK(sched_getscheduler(named) == SCHED_BATCH && attributes_of(named).policy == SCHED_BATCH);
  CHECK(sched_getparam(named, &parameter) == 0 && parameter.sched_priority == 0);
  CHECK(sched_getaffinity(named, sizeof now, &now) == 0 && CPU_COUNT(&now) == 1);
  CHECK(prlimit(named, RLIMIT_NOFILE, NULL, &limit) == 0 && (long)limit.rlim_cur == files);
  CHECK(syscall(SYS_ioprio_get, kProcess, named) == (kBestEffort | 6));
}
static void sets(pid_t pid, int nice, long files) {
  cpu_set_t whole, one;
  struct sched_param parameter = {0};
  struct timespec turn = {-1, -1};
  struct rlimit limit, old;
  CHECK(setpriority(PRIO_PROCESS, (id_t)pid, nice - 1) == 0 && nice_of(PRIO_PROCESS, pid) == nice - 1);
  CHECK(sched_setscheduler(pid, SCHED_BATCH, &parameter) == 0 && sched_setparam(pid, &parameter) == 0);
  parameter.sched_priority = 1;
  CHECK(sched_setparam(pid, &parameter) == -1 && errno == EINVAL);
  CHECK(sched_rr_get_interval(pid, &turn) == 0 && turn.tv_sec >= 0 && turn.tv_nsec >= 0);
  struct attributes attributes = attributes_of(pid);
  attributes.nice = nice;
  CHECK(syscall(SYS_sched_setattr, pid, &attributes, 0) == 0);
  int cpu = 0;
  CHECK(sched_getaffinity(pid, sizeof whole, &whole) == 0);
  while (!CPU_ISSET(cpu, &whole)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  CHECK(sched_setaffinity(pid, sizeof one, &one) == 0);
  CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0);
  limit.rlim_cur = (rlim_t)files;
  CHECK(prlimit(pid, RLIMIT_NOFILE, &limit, &old) == 0 && old.rlim_max == limit.rlim_max);
  CHECK(syscall(SYS_ioprio_set, kProcess, pid, kBestEffort | 6) == 0);
}
static void is_not_there(pid_t pid) {
  struct rlimit limit;
  CHECK(getpriority(PRIO_PROCESS, (id_t)pid) == -1 && errno == ESRCH);
  CHECK(setpriority(PRIO_PROCESS, (id_t)pid, 1) == -1 && errno == ESRCH);
  CHECK(sched_getscheduler(pid) == -1 && errno == ESRCH);
  CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == -1 && errno == ESRCH);
  CHECK(syscall(SYS_pidfd_open, pid, 0) == -1 && errno == ESRCH);
}
static void is_refused(pid_t pid) {
  struct rlimit limit;
  struct sched_param parameter = {0};
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CHECK(setpriority(PRIO_PROCESS, (id_t)pid, 10) == -1 && errno == EPERM);
  CHECK(sched_setscheduler(pid, SCHED_BATCH, &parameter) == -1 && errno == EPERM);
  CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == -1 && errno == EPERM);
  CHECK(sched_getscheduler(pid) == SCHED_BATCH);
}

// ---- processes ----

static int go[2], done[2];

static pid_t child(void (*body)(pid_t), pid_t other) {
  pid_t pid = fork();
  if (pid == 0) {
    usleep(1000); // it may leave
    body(other);
    _exit(0);
  }
  CHECK(pid > 0);
  return pid;
}
static void target(pid_t unused) {
  char byte = (char)unused;
  CHECK(setpgid(0, 0) == 0 && write(done[1], "", 1) == 1);
  CHECK(read(go[0], &byte, 1) == 1);
  sees(0, 5, 100), sees(getpid(), 5, 100);
  CHECK(write(done[1], "", 1) == 1 && read(go[0], &byte, 1) == 1);
  sees(0, 9, 90);
}
static void sibling(pid_t pid) {
  sees(pid, 5, 100);
  sets(pid, 7, 90);
  CHECK(setpriority(PRIO_PGRP, (id_t)pid, 9) == 0 && nice_of(PRIO_PGRP, pid) == 9);
  CHECK(nice_of(PRIO_PROCESS, getppid()) == nice_of(PRIO_PROCESS, 0));
  CHECK(sched_getscheduler(getppid()) == SCHED_OTHER && sched_getscheduler(1) >= 0);
  nice_of(PRIO_PGRP, 0), nice_of(PRIO_USER, 0);
  struct pollfd process = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
  CHECK(process.fd >= 0 && poll(&process, 1, 0) == 0);
  CHECK(syscall(SYS_pidfd_send_signal, process.fd, 0, NULL, 0) == 0);
}

int main(void) {
  char byte;
  CHECK(pipe(go) == 0 && pipe(done) == 0);
  pid_t one = child(target, 0);
  CHECK(read(done[0], &byte, 1) == 1);
  sets(one, 5, 100);
  sees(one, 5, 100);
  CHECK(write(go[1], "", 1) == 1 && read(done[0], &byte, 1) == 1);
  pid_t other = child(sibling, one);
  CHECK_EXITED(other, 0);
  is_not_there(other);
  sees(one, 9, 90);
  CHECK_EXITED(child(is_not_there, other), 0);
  if (geteuid() == 0) CHECK_EXITED(child(is_refused, one), 0);
  CHECK(nice_of(PRIO_PROCESS, 0) == nice_of(PRIO_PROCESS, getpid()));
  CHECK(write(go[1], "", 1) == 1);
  CHECK_EXITED(one, 0);
  ok();
}
