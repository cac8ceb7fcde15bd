// SPDX-License-Identifier: Apache-2.0
// apart SECONDS: uses all at once that nodes could have in common, for tests/fault/apart to look at from outside: children
// that leave by fork and by exec, with pipes, a socket pair and a TCP connection between them; children that pass turns in
// memory that they share; threads on every node that wait for each other. Prints the addresses of its futexes and of that
// memory, `ready`, how many turns its children have had, and `ok apart` at its end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 6, kChildren = 3 };
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  sem_t turns[kThreads];
  int value;
} shared;
static atomic_int ends;

// Between processes.
enum { kPlayers = 3 };
static struct {
  sem_t turns[kPlayers];
  atomic_int passed, ends;
} * common;

static void fail(const char* what) {
  perror(what);
  _exit(1);
}

static void* pass_turns(void* argument) {
  const long self = (long)argument;
  while (!ends) {
    sem_wait(&shared.turns[self]);
    usleep(200);
    sem_post(&shared.turns[(self + 1) % kThreads]);
  }
  sem_post(&shared.turns[(self + 1) % kThreads]);
  return 0;
}
static void* change(void* argument) {
  const long self = (long)argument;
  pthread_mutex_lock(&shared.lock);
  while (!ends) {
    if (self == 0)
      ++shared.value, pthread_cond_broadcast(&shared.changed), pthread_mutex_unlock(&shared.lock), usleep(300);
    if (self == 0)
      pthread_mutex_lock(&shared.lock);
    else
      pthread_cond_wait(&shared.changed, &shared.lock);
  }
  pthread_cond_broadcast(&shared.changed);
  pthread_mutex_unlock(&shared.lock);
  return 0;
}

// Ends when its parent has; what it has of other connections would keep those open.
static void echo(int in, int out) {
  char bytes[64];
  for (int other = 3; other < 64; ++other)
    if (other != in && other != out) close(other);
  for (ssize_t count; (count = read(in, bytes, sizeof bytes)) > 0;)
    if (write(out, bytes, (size_t)count) != count) _exit(2);
  _exit(0);
}
static void send_and_receive(const int* to, const int* from) {
  char bytes[8] = "turn";
  for (int i = 0; i < kChildren; ++i)
    if (write(to[i], bytes, 5) != 5 || read(from[i], bytes, 5) != 5) fail("echo");
}

// Over a pipe and a socket pair, by fork; the last over TCP.
static void start_children(int* to, int* from) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (void*)&address, length) || listen(listener, 4)) fail("listen");
  getsockname(listener, (void*)&address, &length);
  for (int i = 0; i < kChildren; ++i) {
    int pipes[2][2], pair[2];
    if (pipe(pipes[0]) || pipe(pipes[1]) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) fail("pipe");
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0 && i == 0) echo(pipes[0][0], pipes[1][1]);
    if (pid == 0 && i == 1) echo(pair[1], pair[1]);
    if (pid == 0) {
      const int connection = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(connection, (void*)&address, length)) fail("connect");
      echo(connection, connection);
    }
    to[i] = i == 0 ? pipes[0][1] : i == 1 ? pair[0] : accept(listener, 0, 0);
    from[i] = i == 0 ? pipes[1][0] : to[i];
  }
}

// Before there are threads.
static void start_players(void) {
  common = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (common == MAP_FAILED) fail("mmap");
  for (int i = 0; i < kPlayers; ++i) sem_init(&common->turns[i], 1, i == 0);
  for (int i = 0; i < kPlayers; ++i) {
    if (fork() != 0) continue;
    for (int other = 3; other < 64; ++other) close(other);
    while (!common->ends) {
      sem_wait(&common->turns[i]);
      ++common->passed;
      usleep(300);
      sem_post(&common->turns[(i + 1) % kPlayers]);
    }
    sem_post(&common->turns[(i + 1) % kPlayers]);
    _exit(0);
  }
}

int main(int count, char** arguments) {
  const time_t until = time(0) + (count > 1 ? atoi(arguments[1]) : 3);
  int to[kChildren], from[kChildren];
  start_players();
  start_children(to, from);
  pthread_mutex_init(&shared.lock, 0), pthread_cond_init(&shared.changed, 0);
  pthread_t threads[2 * kThreads];
  for (long i = 0; i < kThreads; ++i) sem_init(&shared.turns[i], 0, i < 2);
  for (long i = 0; i < kThreads; ++i) {
    if (pthread_create(&threads[i], 0, pass_turns, (void*)i)) fail("thread");
    if (pthread_create(&threads[kThreads + i], 0, change, (void*)i)) fail("thread");
  }
  printf("futexes %p %p %p %p\nready\n", (void*)&shared, (void*)(&shared + 1), (void*)common, (void*)(common + 1));
  fflush(stdout);
  while (time(0) < until) {
    send_and_receive(to, from);
    if (system("head -c 200000 /dev/zero | tr '\\0' a | wc -c >/dev/null")) fail("pipeline");
  }
  ends = 1;
  for (int i = 0; i < 2 * kThreads; ++i) pthread_join(threads[i], 0);
  for (int i = 0; i < kChildren; ++i) close(to[i]);
  common->ends = 1;
  while (wait(0) > 0) continue;
  printf("%d turns\nok apart\n", common->passed);
  exit(0);
}
