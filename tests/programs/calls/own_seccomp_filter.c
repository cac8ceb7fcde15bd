// SPDX-License-Identifier: Apache-2.0
// The program installs a seccomp filter that kills on all but a list of calls; with threads running, and in a thread
// of its own. Breaks when the shim's own calls, which natively are not made, meet the filter.
// calls: prctl seccomp
// threads: 3
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static const int kAllowed[] = {SYS_read,      SYS_write,           SYS_exit,           SYS_exit_group,
                               SYS_futex,     SYS_rt_sigreturn,    SYS_rt_sigprocmask, SYS_mmap,
                               SYS_munmap,    SYS_mprotect,        SYS_madvise,        SYS_brk,
                               SYS_nanosleep, SYS_clock_nanosleep, SYS_getpid,         SYS_gettid};
enum { kCount = sizeof kAllowed / sizeof *kAllowed };
static int up, installed, ends[2];

static void install(void) {
  struct sock_filter filter[2 * kCount + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (int i = 0; i < kCount; i++) {
    filter[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAllowed[i], 0, 1);
    filter[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  filter[2 * kCount + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {2 * kCount + 2, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}
static void* confined(void* argument) {
  char byte;
  free(malloc(1)); // the first malloc of a thread asks for the number of processors
  if (argument != NULL) install();
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&installed, __ATOMIC_SEQ_CST));
  for (int i = 0; i < 200; i++) {
    char* memory = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memory[100000] = 1;
    CHECK(mprotect(memory, 4096, PROT_READ) == 0 && munmap(memory, 200000) == 0);
    free(malloc(1000 * i));
    CHECK(write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
  }
  usleep(1000);
  return NULL;
}

int main(void) {
  CHECK(pipe(ends) == 0);
  pthread_t threads[3] = {start(confined, NULL), start(confined, (void*)1), start(confined, (void*)1)};
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 3);
  install();
  __atomic_store_n(&installed, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 3; i++) join(threads[i]);
  // Without stdio, which would ask what kind of file this is.
  CHECK(getpid() > 0 && write(1, "ok own_seccomp_filter\n", 22) == 22);
  _exit(0);
}
