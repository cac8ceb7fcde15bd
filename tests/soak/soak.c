// SPDX-License-Identifier: Apache-2.0
// soak SECONDS [THREADS]: threads that do, in a random mixture and each with checks of the data, what programs do with
// processes and memory. It prints how often each thing was done and `ok soak`; the first wrong byte ends it with a message.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum { kSlots = 512, kThreadsMax = 64, kPage = 4096 };

typedef struct {
  unsigned char* bytes;
  size_t count;
  uint32_t seed;
} Block;

static Block slots[kSlots]; // handed from thread to thread
static pthread_mutex_t locks[kSlots];
static atomic_long signals_sent, signals_seen;
static pthread_t threads[kThreadsMax];
static int thread_count = 12;
static double end_s;
static pthread_barrier_t all_there;    // nobody leaves while another may still signal it
static __thread volatile uint32_t own; // whose value must be the thread's own, always

#define CHECK(what)                                                                                                    \
  do {                                                                                                                 \
    if (!(what)) {                                                                                                     \
      fprintf(stderr, "soak: wrong at line %d: %s (errno %d: %s)\n", __LINE__, #what, errno, strerror(errno));         \
      _exit(1);                                                                                                        \
    }                                                                                                                  \
  } while (0)

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t next(uint32_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

static unsigned char byte_at(uint32_t seed, size_t i) { return (unsigned char)(seed * 31 + i * 7 + (i >> 12)); }

static void fill(unsigned char* bytes, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i += 1 + (i >> 5)) bytes[i] = byte_at(seed, i);
  bytes[count - 1] = (unsigned char)seed;
}

static int holds(const unsigned char* bytes, size_t count, uint32_t seed) {
  for (size_t i = 0; i + 1 < count; i += 1 + (i >> 5))
    if (bytes[i] != byte_at(seed, i)) return 0;
  return bytes[count - 1] == (unsigned char)seed;
}

static void hand_over(uint32_t* r) {
  const uint32_t slot = next(r) % kSlots, kind = next(r) % 100;
  Block mine = {0, 1 + next(r) % (kind < 80 ? 3000 : kind < 97 ? 100000 : 1000000), next(r)};
  mine.bytes = malloc(mine.count);
  CHECK(mine.bytes);
  fill(mine.bytes, mine.count, mine.seed);
  pthread_mutex_lock(&locks[slot]);
  Block old = slots[slot];
  slots[slot] = mine;
  pthread_mutex_unlock(&locks[slot]);
  if (!old.bytes) return;
  CHECK(holds(old.bytes, old.count, old.seed));
  if (kind % 4 == 0) {
    old.bytes = realloc(old.bytes, old.count * 2);
    CHECK(old.bytes && old.bytes[old.count - 1] == (unsigned char)old.seed);
  }
  free(old.bytes);
}

static void map(uint32_t* r) {
  const size_t pages = 2 + next(r) % (next(r) % 8 ? 30 : 500), bytes = pages * kPage;
  const uint32_t seed = next(r);
  const int shared = next(r) % 4 == 0;
  unsigned char* at =
      mmap(0, bytes, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  CHECK(at[0] == 0 && at[bytes - 1] == 0 && at[bytes / 2] == 0);
  fill(at, bytes, seed);
  switch (next(r) % 5) {
    case 0: CHECK(mprotect(at, kPage, PROT_NONE) == 0 && mprotect(at, kPage, PROT_READ) == 0); break;
    case 1:
      if (!shared) {
        CHECK(madvise(at + kPage, kPage, MADV_DONTNEED) == 0 && at[kPage] == 0 && at[2 * kPage - 1] == 0);
        CHECK(munmap(at, bytes) == 0);
        return;
      }
      break;
    case 2:
      if (!shared) {
        unsigned char* bigger = mremap(at, bytes, bytes * 2, MREMAP_MAYMOVE);
        CHECK(bigger != MAP_FAILED && bigger[bytes] == 0);
        CHECK(munmap(bigger + bytes, bytes) == 0);
        at = bigger;
      }
      break;
    case 3:
      CHECK(munmap(at + bytes - kPage, kPage) == 0);
      CHECK(at[0] == byte_at(seed, 0) || bytes == kPage);
      CHECK(munmap(at, bytes - kPage) == 0);
      return;
    default: break;
  }
  CHECK(holds(at, bytes, seed));
  CHECK(munmap(at, bytes) == 0);
}

static void* short_life(void* argument) {
  own = (uint32_t)(uintptr_t)argument;
  unsigned char* bytes = malloc(1000);
  CHECK(bytes);
  fill(bytes, 1000, own);
  CHECK(own == (uint32_t)(uintptr_t)argument);
  return bytes;
}

static void create(uint32_t* r) {
  pthread_t made[3];
  uint32_t seeds[3];
  const int count = 1 + (int)(next(r) % 3);
  for (int i = 0; i < count; ++i) {
    seeds[i] = next(r);
    CHECK((errno = pthread_create(&made[i], 0, short_life, (void*)(uintptr_t)seeds[i])) == 0);
  }
  for (int i = 0; i < count; ++i) {
    void* bytes;
    CHECK(pthread_join(made[i], &bytes) == 0);
    CHECK(holds(bytes, 1000, seeds[i]));
    free(bytes);
  }
}

static void await(pid_t pid, int code) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == code) return;
  fprintf(stderr, "soak: a child ended with status %#x instead of exit %d\n", status, code);
  _exit(1);
}

static void forked(uint32_t* r) {
  const uint32_t seed = next(r);
  unsigned char local[200];
  unsigned char* block = malloc(50000);
  fill(local, sizeof local, seed);
  fill(block, 50000, seed);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    const int good = holds(local, sizeof local, seed) && holds(block, 50000, seed);
    memset(block, 1, 50000); // the parent must not see it
    unsigned char* more = malloc(100000);
    memset(more, 2, 100000);
    _exit(good ? 17 : 18);
  }
  await(pid, 17);
  CHECK(holds(local, sizeof local, seed) && holds(block, 50000, seed));
  free(block);
}

static void executed(uint32_t* r) {
  (void)r;
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "exit 23", (char*)0);
    _exit(24);
  }
  await(pid, 23);
}

static void spawned(uint32_t* r) {
  (void)r;
  pid_t pid;
  char* words[] = {"true", 0};
  CHECK((errno = posix_spawn(&pid, "/bin/true", 0, 0, words, environ)) == 0);
  await(pid, 0);
}

static void on_signal(int signal) {
  (void)signal;
  atomic_fetch_add(&signals_seen, 1);
}

static void signalled(uint32_t* r) {
  // Queued, so that each is seen once.
  const union sigval value = {0};
  const int to_process = next(r) % 4 == 0;
  const int error = to_process ? (sigqueue(getpid(), SIGRTMIN, value) ? errno : 0)
                               : pthread_sigqueue(threads[next(r) % (uint32_t)thread_count], SIGRTMIN + 1, value);
  if (error == EAGAIN) return; // the queue is full
  CHECK((errno = error) == 0);
  atomic_fetch_add(&signals_sent, 1);
}

static void files(uint32_t* r) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const uint32_t seed = next(r);
  uint32_t back = 0;
  CHECK(write(ends[1], &seed, 4) == 4);
  ssize_t got;
  do got = read(ends[0], &back, 4);
  while (got < 0 && errno == EINTR);
  CHECK(got == 4 && back == seed);
  close(ends[0]);
  close(ends[1]);
}

static const struct {
  const char* name;
  void (*run)(uint32_t*);
  uint32_t weight;
} things[] = {
    {"hand-over", hand_over, 400}, {"map", map, 200},     {"create", create, 30},    {"fork", forked, 4},
    {"exec", executed, 3},         {"spawn", spawned, 6}, {"signal", signalled, 60}, {"pipe", files, 30},
};
enum { kThings = sizeof things / sizeof *things };
static atomic_long done[kThings];

static void* turn(void* argument) {
  const uint32_t number = (uint32_t)(uintptr_t)argument;
  uint32_t state = number * 2654435761u + 99, total = 0;
  own = number;
  for (int i = 0; i < kThings; ++i) total += things[i].weight;
  while (now_s() < end_s) {
    uint32_t pick = next(&state) % total;
    int i = 0;
    for (; pick >= things[i].weight; ++i) pick -= things[i].weight;
    things[i].run(&state);
    CHECK(own == number);
    atomic_fetch_add(&done[i], 1);
  }
  pthread_barrier_wait(&all_there);
  return 0;
}

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 5;
  if (argc > 2) thread_count = atoi(argv[2]);
  CHECK(thread_count > 0 && thread_count <= kThreadsMax);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGRTMIN, &action, 0);
  sigaction(SIGRTMIN + 1, &action, 0);
  for (int i = 0; i < kSlots; ++i) pthread_mutex_init(&locks[i], 0);
  end_s = now_s() + seconds;
  pthread_barrier_init(&all_there, 0, (unsigned)thread_count);
  for (int i = 0; i < thread_count; ++i) threads[i] = pthread_self();
  for (long i = 0; i < thread_count; ++i) {
    pthread_t made;
    CHECK((errno = pthread_create(&made, 0, turn, (void*)(i + 1))) == 0);
    threads[i] = made;
  }
  for (int i = 0; i < thread_count; ++i) pthread_join(threads[i], 0);
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].bytes) CHECK(holds(slots[i].bytes, slots[i].count, slots[i].seed));
    free(slots[i].bytes);
  }
  for (int i = 0; i < kThings; ++i) printf("%s %ld\n", things[i].name, atomic_load(&done[i]));
  printf("signals sent %ld seen %ld\n", atomic_load(&signals_sent), atomic_load(&signals_seen));
  CHECK(atomic_load(&signals_sent) == atomic_load(&signals_seen));
  puts("ok soak");
  return 0;
}
