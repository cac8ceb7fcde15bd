// SPDX-License-Identifier: Apache-2.0
// POSIX shared memory and named semaphores of processes that were forked and executed: by name, by an inherited
// descriptor when the name is gone, read-only, grown meanwhile, and what a file has when nobody maps it any more.
// Breaks when each node has files of its own in /dev/shm, or a copy of one.
// calls: openat mmap munmap ftruncate unlink linkat futex
#include "../check.h"
#include <semaphore.h>

enum { kPage = 4096, kTurns = 300, kChildren = 3 };
static char memory_name[60], asked_name[60], answered_name[60];

static void set_names(const char* text) {
  snprintf(memory_name, sizeof memory_name, "/sp-memory-%s", text);
  snprintf(asked_name, sizeof asked_name, "/sp-asked-%s", text);
  snprintf(answered_name, sizeof answered_name, "/sp-answered-%s", text);
}

static char* map(int fd, size_t bytes, int prot) {
  char* at = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
  CHECK(at != MAP_FAILED);
  return at;
}
static char* open_memory(void) {
  int fd = shm_open(memory_name, O_RDWR, 0);
  struct stat about;
  CHECK(fd >= 0 && fstat(fd, &about) == 0 && about.st_size == 2 * kPage);
  char* at = map(fd, 2 * kPage, PROT_READ | PROT_WRITE);
  CHECK(close(fd) == 0);
  return at;
}
static sem_t* open_semaphore(const char* name) {
  sem_t* semaphore = sem_open(name, 0);
  CHECK(semaphore != SEM_FAILED);
  return semaphore;
}

static void peer(void) {
  usleep(100);
  volatile long* count = (volatile long*)open_memory();
  sem_t *asked = open_semaphore(asked_name), *answered = open_semaphore(answered_name);
  for (int i = 0; i < kTurns; i++) {
    CHECK(sem_wait(asked) == 0);
    ++*count;
    CHECK(sem_post(answered) == 0);
  }
  CHECK(sem_close(asked) == 0 && sem_close(answered) == 0);
  _exit(4);
}

static void by_name(const char* names) {
  char path[400] = "";
  CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  int fd = shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
  CHECK(ftruncate(fd, 2 * kPage) == 0);
  volatile long* count = (volatile long*)map(fd, 2 * kPage, PROT_READ | PROT_WRITE);
  sem_t *asked = sem_open(asked_name, O_CREAT | O_EXCL, 0600, 0), *answered = sem_open(answered_name, O_CREAT, 0600, 0);
  CHECK(asked != SEM_FAILED && answered != SEM_FAILED);
  pid_t children[kChildren];
  for (int i = 0; i < kChildren; i++) {
    if ((children[i] = fork()) != 0) continue;
    if (i) execl(path, path, names, NULL);
    peer();
  }
  for (int i = 0; i < kChildren * kTurns; i++) CHECK(sem_post(asked) == 0 && sem_wait(answered) == 0);
  for (int i = 0; i < kChildren; i++) CHECK_EXITED(children[i], 4);
  CHECK(*count == kChildren * kTurns && sem_trywait(asked) == -1 && errno == EAGAIN);
  CHECK(sem_unlink(asked_name) == 0 && sem_unlink(answered_name) == 0 && shm_unlink(memory_name) == 0);
  CHECK(sem_close(asked) == 0 && sem_close(answered) == 0);
  CHECK(munmap((void*)count, 2 * kPage) == 0 && close(fd) == 0 && shm_open(memory_name, O_RDWR, 0) == -1);
}

static void without_name(void) {
  int fd = shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && shm_unlink(memory_name) == 0 && write(fd, "first", 5) == 5 && ftruncate(fd, kPage) == 0);
  char* memory = map(fd, kPage, PROT_READ | PROT_WRITE);
  CHECK(memcmp(memory, "first", 6) == 0);
  pid_t child = fork();
  if (child == 0) {
    usleep(100);
    memory[0] = 'F';
    char* again = map(fd, kPage, PROT_READ | PROT_WRITE);
    CHECK(memcmp(again, "First", 6) == 0 && munmap(memory, kPage) == 0);
    CHECK(ftruncate(fd, 3 * kPage) == 0);
    char* grown = map(fd, 3 * kPage, PROT_READ | PROT_WRITE);
    again[1] = 'I', grown[3 * kPage - 1] = 'z';
    CHECK(grown[1] == 'I');
    _exit(6);
  }
  CHECK_EXITED(child, 6);
  char* all = map(fd, 3 * kPage, PROT_READ);
  CHECK(memcmp(memory, "FIrst", 6) == 0 && all[3 * kPage - 1] == 'z');
  CHECK(mprotect(all, kPage, PROT_READ | PROT_WRITE) == 0 && munmap(all, 3 * kPage) == 0 && munmap(memory, kPage) == 0);
  CHECK(close(fd) == 0);
}

static void read_only(void) {
  int fd = shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && ftruncate(fd, kPage) == 0);
  int reads = shm_open(memory_name, O_RDONLY, 0);
  CHECK(reads >= 0 && mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, reads, 0) == MAP_FAILED && errno == EACCES);
  char *memory = map(fd, kPage, PROT_READ | PROT_WRITE), *seen = map(reads, kPage, PROT_READ);
  CHECK(mprotect(seen, kPage, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  memory[5] = 'r';
  CHECK(seen[5] == 'r' && mmap(NULL, kPage, PROT_READ, MAP_SHARED, reads, 7) == MAP_FAILED && errno == EINVAL);
  CHECK(munmap(memory, kPage) == 0 && munmap(seen, kPage) == 0 && close(reads) == 0);
  char byte = 0;
  CHECK(pread(fd, &byte, 1, 5) == 1 && byte == 'r');
  CHECK(shm_unlink(memory_name) == 0 && close(fd) == 0);
}

// What an ended process wrote is in the file.
static void stays_in_the_file(void) {
  int fd = shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && ftruncate(fd, kPage) == 0);
  pid_t child = fork();
  if (child == 0) usleep(100), map(fd, kPage, PROT_READ | PROT_WRITE)[9] = 's', exit(0);
  CHECK_EXITED(child, 0);
  char byte = 0;
  CHECK(pread(fd, &byte, 1, 9) == 1 && byte == 's');
  CHECK(shm_unlink(memory_name) == 0 && close(fd) == 0);
}

int main(int argc, char** argv) {
  char names[40];
  struct timespec now; // pids of several clusters are the same
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  snprintf(names, sizeof names, "%d-%lx", getpid(), now.tv_sec * 1000000000 + now.tv_nsec);
  set_names(argc > 1 ? argv[1] : names);
  if (argc > 1) peer();
  by_name(names), by_name(names);
  without_name();
  read_only();
  stays_in_the_file();
  ok();
}
