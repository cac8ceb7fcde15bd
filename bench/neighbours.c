// SPDX-License-Identifier: Apache-2.0
// Two processes: this one, and a peer that it starts by posix_spawn, which isolated nodes put on another node. They send
// each other signals, bytes by a pipe and by TCP; the peer reads a file that it has inherited.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kTripsAWindow = 20, kMessageBytes = 8, kReadBytes = 4096, kAtOnce = 24 };
#define BIG_BYTES (256ul << 20)

extern char** environ;

// A peer is this program with the name of its part and two descriptors.
static pid_t start_peer(const char* part, int in, int out) {
  char path[4096] = {0}, first[16], second[16];
  require(readlink("/proc/self/exe", path, sizeof path - 1) > 0, "/proc/self/exe cannot be read");
  snprintf(first, sizeof first, "%d", in);
  snprintf(second, sizeof second, "%d", out);
  char* const arguments[] = {path, (char*)"--peer", (char*)part, first, second, NULL};
  pid_t child = -1;
  require(posix_spawn(&child, path, NULL, NULL, arguments, environ) == 0, "posix_spawn of the peer failed");
  return child;
}

static void wait_for(pid_t child);
static void spawn_one(void);

static void end_peer(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void transfer_all(ssize_t (*call)(int, void*, size_t), int descriptor, char* data, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    ssize_t now = call(descriptor, data + done, bytes - done);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) _exit(0); // the other one has ended
    done += (size_t)now;
  }
}

static ssize_t write_some(int descriptor, void* data, size_t bytes) { return write(descriptor, data, bytes); }

static double trips_us(int in, int out, int64_t run_ns) {
  static struct Windows windows;
  char data[kMessageBytes] = {0};
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; i++) {
      transfer_all(write_some, out, data, sizeof data);
      transfer_all(read, in, data, sizeof data);
    }
    windows_add(&windows, (double)(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  return windows_median(&windows);
}

_Noreturn static void echo(int in, int out) {
  char data[kMessageBytes];
  for (;;) {
    transfer_all(read, in, data, sizeof data);
    transfer_all(write_some, out, data, sizeof data);
  }
}

double pipe_roundtrip(int64_t run_ns) {
  int there[2] = {0}, back[2] = {0};
  require(pipe(there) == 0 && pipe(back) == 0, "no pipe");
  pid_t peer = start_peer("echo", there[0], back[1]);
  double trip_us = trips_us(back[0], there[1], run_ns);
  end_peer(peer);
  return trip_us;
}

// Two peers with a pipe each way, which nobody else has. Of two nodes that take turns both get the other one: then what is
// in the pipes is in shared memory.
enum { kPeerIn = 20, kPeerOut = 21 };

static pid_t start_between(const char* part, int in, int out, int result, int64_t run_ns) {
  char path[4096] = {0}, time[16];
  require(readlink("/proc/self/exe", path, sizeof path - 1) > 0, "/proc/self/exe cannot be read");
  snprintf(time, sizeof time, "%d", (int)(run_ns / 1000000));
  char* const arguments[] = {path, (char*)"--peer", (char*)part, time, (char*)"0", NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, kPeerIn);
  posix_spawn_file_actions_adddup2(&actions, out, kPeerOut);
  posix_spawn_file_actions_adddup2(&actions, result, STDOUT_FILENO);
  pid_t child = -1;
  require(posix_spawn(&child, path, &actions, NULL, arguments, environ) == 0, "posix_spawn of the peer failed");
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

static int time_trips(int64_t run_ns) {
  printf("%.2f\n", trips_us(kPeerIn, kPeerOut, run_ns));
  return 0;
}

double pipe_moved(int64_t run_ns) {
  int there[2] = {0}, back[2] = {0}, result[2] = {0};
  char text[32] = {0};
  require(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0 && pipe2(result, O_CLOEXEC) == 0, "no pipe");
  pid_t peer = start_between("answers", there[0], back[1], result[1], run_ns);
  spawn_one();
  pid_t other = start_between("trips", back[0], there[1], result[1], run_ns);
  for (int i = 0; i < 2; i++) close(there[i]), close(back[i]);
  close(result[1]);
  require(read(result[0], text, sizeof text - 1) > 0, "the peer said nothing");
  end_peer(peer);
  wait_for(other);
  return atof(text);
}

// The peer connects to a socket that this process listens on.
double tcp_roundtrip(int64_t run_ns) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  require(bind(listener, (struct sockaddr*)&address, length) == 0 && listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr*)&address, &length) == 0,
          "no TCP on the loopback");
  pid_t peer = start_peer("tcp", ntohs(address.sin_port), 0);
  int connection = accept(listener, NULL, NULL);
  require(connection >= 0, "accept failed");
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  double trip_us = trips_us(connection, connection, run_ns);
  end_peer(peer);
  return trip_us;
}

_Noreturn static void echo_tcp(int port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int connection = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  require(connect(connection, (struct sockaddr*)&address, sizeof address) == 0, "connect failed");
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  echo(connection, connection);
}

// ---- signals ----

static void block_signal(sigset_t* set) {
  sigemptyset(set);
  sigaddset(set, SIGUSR1);
  sigprocmask(SIG_BLOCK, set, NULL);
}

double signal_roundtrip(int64_t run_ns) {
  static struct Windows windows;
  sigset_t set;
  block_signal(&set);
  pid_t peer = start_peer("signal", getpid(), 0);
  require(sigwaitinfo(&set, NULL) == SIGUSR1, "no signal from the peer"); // it is ready
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; i++) {
      kill(peer, SIGUSR1);
      while (sigwaitinfo(&set, NULL) != SIGUSR1) {
      }
    }
    windows_add(&windows, (double)(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  end_peer(peer);
  return windows_median(&windows);
}

_Noreturn static void answer_signals(pid_t to) {
  sigset_t set;
  block_signal(&set);
  for (;;) {
    kill(to, SIGUSR1);
    while (sigwaitinfo(&set, NULL) != SIGUSR1) {
    }
  }
}

// ---- a file ----

static int time_reads(int file, int64_t run_ns) {
  static struct Windows windows;
  char data[kReadBytes];
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; i++)
      require(pread(file, data, sizeof data, (off_t)i * kReadBytes) == kReadBytes, "pread failed");
    windows_add(&windows, (double)(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  printf("%.2f\n", windows_median(&windows));
  return 0;
}

// Who measures is a child, and its number is this program's.
struct Told {
  int out, result[2];
};

static void begin_told(struct Told* told) {
  require(pipe(told->result) == 0 && (told->out = dup(1)) >= 0, "no pipe");
  dup2(told->result[1], 1);
  close(told->result[1]);
}

static double end_told(struct Told* told, pid_t child) {
  char text[32] = {0};
  dup2(told->out, 1);
  close(told->out);
  require(read(told->result[0], text, sizeof text - 1) > 0, "the peer said nothing");
  waitpid(child, NULL, 0);
  return atof(text);
}

static int some_file(void) {
  int file = fileno(tmpfile());
  require(ftruncate(file, (off_t)kTripsAWindow * kReadBytes) == 0, "no file");
  return file;
}

double read_4k(int64_t run_ns) {
  struct Told told;
  int file = some_file();
  begin_told(&told);
  return end_told(&told, start_peer("read", file, (int)(run_ns / 1000000)));
}

// A static program's: the kernel asks its node's daemon about its calls.
static double notified_us(char* which) {
  struct Told told;
  char path[4096] = {0};
  require(readlink("/proc/self/exe", path, sizeof path - 32) > 0, "/proc/self/exe cannot be read");
  strcpy(strrchr(path, '/') + 1, "sp-bench-notified");
  char* const arguments[] = {path, which, NULL};
  begin_told(&told);
  dup2(some_file(), 0);
  pid_t child = -1;
  require(posix_spawn(&child, path, NULL, NULL, arguments, environ) == 0, "posix_spawn of sp-bench-notified failed");
  return end_told(&told, child);
}

double notified_read(int64_t run_ns) { return (void)run_ns, notified_us((char*)"shadow"); }
double notified_own_read(int64_t run_ns) { return (void)run_ns, notified_us((char*)"own"); }

// ---- processes ----

static void wait_for(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child did not exit with 0");
}

static void fork_one(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  require(child > 0, "fork failed");
  wait_for(child);
}

static void fork_many(void) {
  pid_t children[kAtOnce];
  for (int i = 0; i < kAtOnce; i++) {
    children[i] = fork();
    if (children[i] == 0) _exit(0);
    require(children[i] > 0, "fork failed");
  }
  for (int i = 0; i < kAtOnce; i++) wait_for(children[i]);
}

static void spawn_one(void) {
  static char* const arguments[] = {(char*)"true", NULL};
  pid_t child = -1;
  require(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0, "posix_spawn of /bin/true failed");
  wait_for(child);
}

// Nodes take turns: of two that alternate the dearer one, which is the one on the other node.
static double dearer_us(void (*run)(void), int64_t run_ns) {
  static struct Windows kinds[2];
  for (int kind = 0; kind < 2; kind++) windows_open(&kinds[kind], run_ns);
  for (int turn = 0; windows_go_on(&kinds[turn % 2]); turn++) {
    int64_t begin_ns = now_ns();
    run();
    windows_add(&kinds[turn % 2], (double)(now_ns() - begin_ns) * 1e-3);
  }
  double first = windows_median(&kinds[0]), second = windows_median(&kinds[1]);
  return first > second ? first : second;
}

// Where isolated nodes were to be measured (spctl bench says so by SUPERPROC_FORK), two of nodes that take turns must
// differ: a child on another node sees that one's namespace.
static void check_that_they_leave(void) {
  char here[64] = {0}, there[64];
  const char* wish = getenv("SUPERPROC_FORK");
  if (wish == NULL || strcmp(wish, "leaves") != 0) return;
  require(readlink("/proc/self/ns/uts", here, sizeof here - 1) > 0, "/proc/self/ns/uts cannot be read");
  int left_count = 0;
  for (int i = 0; i < 4; i++) {
    pid_t child = fork();
    if (child == 0) {
      memset(there, 0, sizeof there);
      _exit(readlink("/proc/self/ns/uts", there, sizeof there - 1) > 0 && strcmp(here, there) != 0 ? 1 : 0);
    }
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "a child that looks around failed");
    left_count += WEXITSTATUS(status);
  }
  require(left_count > 0, "no child of a fork has left its node");
}

static double forks_us(void (*run)(void), int64_t run_ns) {
  check_that_they_leave();
  double time_us = dearer_us(run, run_ns);
  check_that_they_leave();
  return time_us;
}

double fork_small(int64_t run_ns) { return forks_us(fork_one, run_ns); }
double fork_at_once(int64_t run_ns) { return forks_us(fork_many, run_ns); }
double spawn_moved(int64_t run_ns) { return dearer_us(spawn_one, run_ns); }

double fork_big(int64_t run_ns) {
  void* memory = mmap(NULL, BIG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED, "no 256 MiB");
  memset(memory, 1, BIG_BYTES);
  return forks_us(fork_one, run_ns);
}

int be_peer(char** arguments) {
  const char* part = arguments[0];
  int first = atoi(arguments[1]), second = atoi(arguments[2]);
  if (strcmp(part, "echo") == 0) echo(first, second);
  if (strcmp(part, "answers") == 0) echo(kPeerIn, kPeerOut);
  if (strcmp(part, "trips") == 0) return time_trips((int64_t)first * 1000000);
  if (strcmp(part, "tcp") == 0) echo_tcp(first);
  if (strcmp(part, "signal") == 0) answer_signals(first);
  if (strcmp(part, "read") == 0) return time_reads(first, (int64_t)second * 1000000);
  return 2;
}
