// SPDX-License-Identifier: Apache-2.0
// mprotect on the program's own data, heap and stack pages, and writes to its constants and code, fault and stop to
// fault in each thread. Breaks when these ranges were replaced at conversion with other rights than they had.
// calls: mprotect rt_sigaction
// threads: 12
#include "../check.h"
#include <setjmp.h>

static char page[8192] __attribute__((aligned(4096))) = {1};
static const char constant[100] = "constant";
static char *heap_page, *stack_page;
static __thread sigjmp_buf back;

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  CHECK(info->si_code == SEGV_ACCERR);
  siglongjmp(back, 1);
}
static int writes(volatile char* at) {
  if (sigsetjmp(back, 1) != 0) return 0;
  *at = 'w';
  return 1;
}
static void* read_only(void* argument) {
  CHECK(!writes(page + 4100) && !writes(heap_page + 5) && !writes(stack_page + 6));
  CHECK(!writes((char*)(uintptr_t)constant) && !writes((char*)(uintptr_t)&read_only) &&
        !writes((char*)(uintptr_t)&getpid));
  CHECK(page[4100] + heap_page[5] + stack_page[6] >= 0 && writes(page + 4000));
  return argument;
}
static void* writable(void* argument) {
  CHECK(writes(page + 4100) && writes(heap_page + 5) && writes(stack_page + 6) && !writes((char*)(uintptr_t)constant));
  return argument;
}
static void set(int protection) {
  CHECK(mprotect(page + 4096, 4096, protection) == 0 && mprotect(heap_page, 4096, protection) == 0);
  CHECK(mprotect(stack_page, 4096, protection) == 0);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  char room[16384];
  memset(room, 0, sizeof room);
  stack_page = (char*)(((uintptr_t)room + 4095) & -4096ul);
  heap_page = aligned_alloc(4096, 4096);
  memset(heap_page, 0, 4096);
  set(PROT_READ); // before the first thread
  read_only(NULL), run_on_each(read_only, NULL);
  set(PROT_READ | PROT_WRITE);
  writable(NULL), run_on_each(writable, NULL);
  set(PROT_READ);
  run_on_each(read_only, NULL), read_only(NULL);
  set(PROT_READ | PROT_WRITE);
  CHECK(room[5000] == 0 || room[5000] == 'w');
  ok();
}
