// SPDX-License-Identifier: Apache-2.0
// sp-bench-probe NAME: measures one thing in this process and prints one number, in the unit that --list names.
// `spctl bench` runs it natively and under superproc in turn and compares. A plain C program, with nothing of
// superproc in it.
#define _GNU_SOURCE
#include "bench/probe.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct Probe kProbes[] = {
    {"null-call", "ns", null_call},
    {"null-call-remote", "ns", null_call_remote},
    {"pid-call", "ns", pid_call},
    {"futex-wake", "ns", futex_wake},
    {"thread-create-join", "us", thread_create_join},
    {"thread-create-join-local", "us", thread_create_join_local},
    {"semaphore-roundtrip", "us", semaphore_roundtrip},
    {"semaphore-roundtrip-free", "us", semaphore_roundtrip_free},
    {"first-touch", "ns/page", first_touch},
    {"first-touch-default", "ns/page", first_touch_default},
    {"page-release", "ns/page", page_release},
    {"brk-2", "ops/s", brk_2},
    {"dup-2", "ops/s", dup_2},
    {"open-2", "ops/s", open_2},
    {"malloc-2", "ops/s", malloc_2},
    {"mutex-contended", "ops/s", mutex_contended},
    {"signal-self", "us", signal_self},
    {"signal-cross", "us", signal_cross},
    {"signal-cross-free", "us", signal_cross_free},
    {"fork-exit-wait", "us", fork_exit_wait},
    {"spawn-wait", "us", spawn_wait},
    {"signal-roundtrip", "us", signal_roundtrip},
    {"pipe-roundtrip", "us", pipe_roundtrip},
    {"pipe-moved", "us", pipe_moved},
    {"tcp-roundtrip", "us", tcp_roundtrip},
    {"pread-4k", "us", read_4k},
    {"notified-read", "us", notified_read},
    {"notified-own-read", "us", notified_own_read},
    {"spawn-moved", "us", spawn_moved},
    {"fork-small", "us", fork_small},
    {"fork-256m", "us", fork_big},
    {"fork-24", "us", fork_at_once},
};

// Measured by a program of their own beside this one, which this process becomes.
static const struct Program {
  const char *name, *unit, *program, *size;
} kPrograms[] = {
    {"histogram", "s", "histogram", NULL},
    {"churn-4k", "ops/s", "churn", "4K"},
    {"churn-64k", "ops/s", "churn", "64K"},
    {"churn-1m", "ops/s", "churn", "1M"},
};

enum { kProbeCount = sizeof kProbes / sizeof *kProbes, kProgramCount = sizeof kPrograms / sizeof *kPrograms };

void require(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "sp-bench-probe: %s\n", what);
  _exit(1);
}

static void become(const struct Program* which, double seconds, const char* file) {
  char path[4096], time[32];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
  require(n > 0, "/proc/self/exe cannot be read");
  path[n] = '\0';
  strcpy(strrchr(path, '/') + 1, which->program);
  snprintf(time, sizeof time, "%g", seconds);
  if (which->size != NULL)
    execl(path, path, "--size", which->size, "--threads", "2", "--seconds", time, "--number", (char*)NULL);
  else
    execl(path, path, "--threads", "2", "--seconds", file, (char*)NULL);
  fprintf(stderr, "sp-bench-probe: %s: ", path);
  perror(NULL);
  exit(1);
}

static void usage(FILE* to) {
  fprintf(to, "usage: sp-bench-probe NAME [--quick | --seconds S] [--file BMP]\n"
              "       sp-bench-probe --list\n"
              "  --quick      measure for 0.2 s instead of 0.8 s\n"
              "  --file BMP   the picture that histogram reads (make-bitmap makes one)\n");
}

static void list(void) {
  for (int i = 0; i < kProbeCount; i++) printf("%s %s\n", kProbes[i].name, kProbes[i].unit);
  for (int i = 0; i < kProgramCount; i++) printf("%s %s\n", kPrograms[i].name, kPrograms[i].unit);
}

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "--peer") == 0) return be_peer(argv + 2);
  static const struct option options[] = {
      {"quick", no_argument, NULL, 'q'},      {"seconds", required_argument, NULL, 's'},
      {"file", required_argument, NULL, 'f'}, {"list", no_argument, NULL, 'l'},
      {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
  double seconds = 0.8;
  const char* file = NULL;
  int option;
  while ((option = getopt_long(argc, argv, "qs:f:lh", options, NULL)) != -1) {
    if (option == 'h') return usage(stdout), 0;
    if (option == 'l') return list(), 0;
    if (option == 'q')
      seconds = 0.2;
    else if (option == 's')
      seconds = atof(optarg);
    else if (option == 'f')
      file = optarg;
    else
      return usage(stderr), 2;
  }
  if (optind + 1 != argc || !(seconds > 0 && seconds <= 60)) return usage(stderr), 2;
  const char* name = argv[optind];

  for (int i = 0; i < kProgramCount; i++) {
    if (strcmp(name, kPrograms[i].name) != 0) continue;
    require(kPrograms[i].size != NULL || file != NULL, "histogram needs --file BMP; make-bitmap makes one");
    become(&kPrograms[i], seconds, file);
  }
  for (int i = 0; i < kProbeCount; i++) {
    if (strcmp(name, kProbes[i].name) != 0) continue;
    printf("%.2f\n", kProbes[i].measure((int64_t)(seconds * 1e9)));
    return 0;
  }
  fprintf(stderr, "sp-bench-probe: %s: no such measurement; --list names them\n", name);
  return 2;
}
