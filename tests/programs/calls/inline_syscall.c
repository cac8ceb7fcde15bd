// SPDX-License-Identifier: Apache-2.0
// System calls by an instruction of the program itself, in main and threads: right results, all registers but three
// kept, red zone whole. Breaks when the dispatch handler (or a patched site) pushes on the red zone or changes a
// register.
// calls: getpid gettid write getppid close
// threads: 4
#include "../check.h"

static long inline_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
// A leaf function keeps locals below its stack pointer; 16 words there must be as they were.
__attribute__((noinline)) static long red_zone_sum(long number) {
  long result, sum;
  __asm__ volatile("movq $1, -8(%%rsp)\n movq $2, -16(%%rsp)\n movq $3, -24(%%rsp)\n movq $4, -64(%%rsp)\n movq $5, "
                   "-120(%%rsp)\n movq $6, -128(%%rsp)\n"
                   "syscall\n"
                   "movq -8(%%rsp), %1\n addq -16(%%rsp), %1\n addq -24(%%rsp), %1\n addq -64(%%rsp), %1\n addq "
                   "-120(%%rsp), %1\n addq -128(%%rsp), %1\n"
                   : "=a"(result), "=&r"(sum)
                   : "0"(number)
                   : "rcx", "r11", "memory");
  CHECK(result > 0);
  return sum;
}
__attribute__((noinline)) static void registers_kept(void) {
  register long r8 __asm__("r8") = 8, r9 __asm__("r9") = 9, r10 __asm__("r10") = 10, r12 __asm__("r12") = 12;
  register long r13 __asm__("r13") = 13, r14 __asm__("r14") = 14, r15 __asm__("r15") = 15, bx __asm__("rbx") = 16;
  long result, di = 1, si = 2, dx = 3;
  double vector = 1.5;
  __asm__ volatile("syscall"
                   : "=a"(result), "+D"(di), "+S"(si), "+d"(dx), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r13),
                     "+r"(r14), "+r"(r15), "+r"(bx), "+x"(vector)
                   : "0"(SYS_getppid)
                   : "rcx", "r11", "memory");
  CHECK(r8 == 8 && r9 == 9 && r10 == 10 && r12 == 12 && r13 == 13 && r14 == 14 && r15 == 15 && bx == 16);
  CHECK(di == 1 && si == 2 && dx == 3 && vector == 1.5 && result == getppid());
}
static void* body(void* argument) {
  for (int i = 0; i < 200; i++) {
    CHECK(inline_call(SYS_getpid, 0, 0, 0) == getpid() && inline_call(SYS_gettid, 0, 0, 0) == gettid());
    CHECK(inline_call(SYS_close, -1, 0, 0) == -EBADF && inline_call(SYS_write, 1, 0, 0) == 0);
    CHECK(inline_call(SYS_write, -1, (long)"x", 1) == -EBADF && inline_call(100000, 0, 0, 0) == -ENOSYS);
    CHECK(red_zone_sum(SYS_getpid) == 21 && red_zone_sum(SYS_gettid) == 21);
    registers_kept();
  }
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
