// SPDX-License-Identifier: Apache-2.0
// Code with a system call appears in each way there is, before the first thread and while threads run on every node; all of
// them run it, and getpid is the process's. Breaks when a way to executable memory is overlooked. The program has no
// `syscall` in its own code: the bytes are made of data.
// calls: mmap mprotect pkey_mprotect mremap shmat personality getpid
// threads: 4
#include "../check.h"
#include <sys/personality.h>
#include <sys/shm.h>

#define PAGE 4096
static volatile unsigned char kGetpid[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3}; // mov $39,%eax; syscall; ret
static char data[2 * PAGE] __attribute__((aligned(PAGE)));
static int file;

typedef long (*code_body)(void);
typedef char* (*maker)(void);

static char* put(char* at) {
  for (unsigned i = 0; i < sizeof kGetpid; i++) at[i] = (char)kGetpid[i];
  return at;
}
static char* map(size_t bytes, int prot, int flags, int fd) {
  char* at = mmap(NULL, bytes, prot, flags, fd, 0);
  CHECK(at != MAP_FAILED);
  return at;
}
// A file whose code is at `offset` of two pages.
static int make_file(int offset) {
  char name[] = "/tmp/code_kinds.XXXXXX", bytes[2 * PAGE] = {0};
  int fd = mkstemp(name);
  put(bytes + offset);
  CHECK(fd >= 0 && write(fd, bytes, sizeof bytes) == sizeof bytes);
  int again = open(name, O_RDONLY);
  CHECK(again >= 0 && unlink(name) == 0 && close(fd) == 0);
  return again;
}

static char* anonymous(void) {
  return put(map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}
static char* protected(void) {
  char* at = put(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
  CHECK(mprotect(at, PAGE, PROT_READ | PROT_EXEC) == 0);
  return at;
}
static char* protected_data(void) {
  CHECK(mprotect(data, PAGE, PROT_READ | PROT_WRITE) == 0);
  put(data);
  CHECK(mprotect(data, PAGE, PROT_READ | PROT_EXEC) == 0);
  return data;
}
static char* protected_with_key(void) {
  char* at = put(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
  CHECK(syscall(SYS_pkey_mprotect, at, PAGE, PROT_READ | PROT_EXEC, -1) == 0);
  return at;
}
static char* of_file(void) { return map(2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file = make_file(0)); }
static char* over_page_end(void) {
  return map(2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file = make_file(PAGE - 6)) + PAGE - 6;
}
static char* of_two_mappings(void) { // each of them has half of the instruction only
  char* at = map(2 * PAGE, PROT_READ, MAP_PRIVATE, file = make_file(PAGE - 6));
  for (int i = 0; i < 2; i++)
    CHECK(mmap(at + i * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, i * PAGE) != MAP_FAILED);
  return at + PAGE - 6;
}
static char* written_elsewhere(void) { // as some JITs do it: one mapping to write, one to execute
  file = (int)syscall(SYS_memfd_create, "code", 0);
  CHECK(file >= 0 && ftruncate(file, PAGE) == 0);
  char* at = map(PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file);
  put(map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file));
  return at;
}
static char* of_attached(void) {
  int id = shmget(IPC_PRIVATE, PAGE, 0700 | IPC_CREAT);
  char* at = shmat(id, NULL, SHM_EXEC);
  CHECK(id >= 0 && at != (void*)-1 && shmctl(id, IPC_RMID, NULL) == 0);
  return put(at);
}
static char* moved(void) { // a mapping without a call grows to where there is one
  char* at = map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file = make_file(PAGE));
  at = mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
  CHECK(at != MAP_FAILED);
  return at + PAGE;
}
static char* by_personality(void) {
  CHECK(personality(READ_IMPLIES_EXEC) >= 0);
  return put(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static code_body volatile code;
static int gate[2];

static void* runs(void* argument) {
  CHECK(code() == getpid());
  return argument;
}
static void* waits_and_runs(void* argument) {
  char byte;
  if (argument) CHECK(read(gate[0], &byte, 1) == 1);
  while (!code) sched_yield();
  return runs(NULL);
}
static void* makes(void* argument) {
  code = (code_body)(*(const maker*)argument)();
  return NULL;
}

static void before_threads(const maker* make) {
  makes((void*)make);
  runs(NULL);
  run_on_each(runs, NULL);
}
static void while_threads_run(const maker* make) {
  pthread_t threads[4];
  CHECK(pipe(gate) == 0);
  for (intptr_t i = 0; i < 4; i++) threads[i] = start(waits_and_runs, (void*)(i / 2));
  join(start(makes, make));
  CHECK(write(gate[1], "12", 2) == 2);
  for (int i = 0; i < 4; i++) join(threads[i]);
  run_on_each(runs, NULL);
  runs(NULL);
}
static void in_child(void (*way)(const maker*), const maker* make) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) way(make), _exit(0);
  CHECK_EXITED(child, 0);
}

int main(void) {
  static const maker kinds[] = {anonymous,     protected,       protected_data,    protected_with_key, of_file,
                                over_page_end, of_two_mappings, written_elsewhere, of_attached,        moved};
  static const maker personal = by_personality;
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    in_child(before_threads, &kinds[i]);
    in_child(while_threads_run, &kinds[i]);
  }
  in_child(before_threads, &personal);
  run_on_each(nothing, NULL); // from here on fork is of a converted process
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) in_child(while_threads_run, &kinds[i]);
  while_threads_run(&kinds[0]);
  in_child(while_threads_run, &kinds[1]);
  ok();
}
