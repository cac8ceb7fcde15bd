// SPDX-License-Identifier: Apache-2.0
// What a child used is in what wait4 and waitid tell of it, in RUSAGE_CHILDREN and in times, with what its own children
// used that it waited for, but not with what others did; exec keeps it, and what the process itself has used. Breaks when
// the child ran elsewhere and its parent is told what was used where it began.
// calls: wait4 waitid getrusage times fork execve
#include "../check.h"
#include <sys/resource.h>
#include <sys/times.h>

enum { kBurnMs = 120, kLeastMs = 90, kMostMs = 400 };

static long usage_ms(const struct rusage* usage) {
  return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
         (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}
static long own_ms(int who) {
  struct rusage usage;
  CHECK(getrusage(who, &usage) == 0);
  return usage_ms(&usage);
}
static long ticks_ms(clock_t ticks) { return ticks * 1000 / sysconf(_SC_CLK_TCK); }

static void burn(void) {
  struct timespec now, start;
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start) == 0);
  do CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
  while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < kBurnMs);
}
static pid_t child_that(void (*body)(void)) {
  pid_t child = fork();
  if (child == 0) {
    usleep(1000); // it may leave
    body();
    _exit(0);
  }
  CHECK(child > 0);
  return child;
}
static void burns(void) { burn(); }
static void has_child(void) {
  burn();
  pid_t child = child_that(burns);
  CHECK(waitpid(child, NULL, 0) == child);
  CHECK(own_ms(RUSAGE_CHILDREN) >= kLeastMs);
}
static void leaves_child(void) { child_that(burns); }
static void runs_shell(void) {
  execl("/bin/sh", "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", NULL);
  _exit(127);
}
static int is_between(long ms, long times) { return ms >= times * kLeastMs && ms <= times * kMostMs; }

int main(int count, char** arguments) {
  struct rusage usage;
  struct tms before, after;
  siginfo_t info;
  if (count > 1) { // the second program of this process
    CHECK(own_ms(RUSAGE_SELF) >= kLeastMs && own_ms(RUSAGE_CHILDREN) >= atoi(arguments[1]));
    ok();
    return 0;
  }
  CHECK(own_ms(RUSAGE_CHILDREN) == 0);
  CHECK(times(&before) != -1);
  pid_t child = child_that(burns);
  CHECK(wait4(child, NULL, 0, &usage) == child && is_between(usage_ms(&usage), 1));
  CHECK(is_between(own_ms(RUSAGE_CHILDREN), 1));
  CHECK(times(&after) != -1);
  CHECK(ticks_ms(after.tms_cutime + after.tms_cstime - before.tms_cutime - before.tms_cstime) >= kLeastMs - 20);

  child = child_that(has_child);
  CHECK(syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, &usage) == 0 && is_between(usage_ms(&usage), 2));
  CHECK(syscall(SYS_waitid, P_PID, child, &info, WEXITED, &usage) == 0 && is_between(usage_ms(&usage), 2));
  CHECK(info.si_status == 0 && info.si_pid == child && is_between(own_ms(RUSAGE_CHILDREN), 3));

  long known = own_ms(RUSAGE_CHILDREN);
  child = child_that(leaves_child);
  CHECK(waitpid(child, NULL, 0) == child && own_ms(RUSAGE_CHILDREN) < known + kLeastMs);
  known = own_ms(RUSAGE_CHILDREN);
  child = child_that(runs_shell);
  CHECK(wait4(child, NULL, 0, &usage) == child && usage_ms(&usage) >= 20);
  CHECK(own_ms(RUSAGE_CHILDREN) >= known + 15);

  burn();
  char least[20];
  snprintf(least, sizeof least, "%ld", own_ms(RUSAGE_CHILDREN));
  execl("/proc/self/exe", arguments[0], least, NULL);
  return 1;
}
