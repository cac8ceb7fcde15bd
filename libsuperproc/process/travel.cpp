// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/travel.hpp"

#include <asm/prctl.h>
#include <csignal>
#include <cpuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/process/inheritance.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

namespace {

constexpr uint64_t kExtendedBytes = 4096;
constexpr uint32_t kExtendedParts = 0x2e7; // x87, SSE, AVX, AVX-512, protection keys

struct Belongings {
  alignas(64) uint8_t extended[kExtendedBytes];
  Registers point;
  uint64_t fs, gs;
  uint64_t clear_tid, robust_list, robust_bytes;
  uint64_t restartable; // address of struct rseq, 0: none is registered
  KernelAction actions[kSignalCount + 1];
  stack_t signal_stack;
  Inheritance inheritance;
  uint64_t limits[wire::kLimitCount][2];
  wire::CpuMask affinity;
  long umask, personality, dumpable;
  char folder[4096];
};
constinit Belongings own{};

enum class Answer : uint8_t { unknown, no, yes };
constinit Answer has_extended = Answer::unknown;

// ---- vector registers ----

bool has_extended_state() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (has_extended == Answer::unknown)
    has_extended = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) ? Answer::yes : Answer::no;
  return has_extended == Answer::yes;
}

void save_vectors() {
  if (has_extended_state())
    asm volatile("xsave64 %0" : "+m"(own.extended) : "a"(kExtendedParts), "d"(0) : "memory");
  else
    asm volatile("fxsave64 %0" : "+m"(own.extended) : : "memory");
}

void restore_vectors() {
  if (has_extended_state())
    asm volatile("xrstor64 %0" : : "m"(own.extended), "a"(kExtendedParts), "d"(0) : "memory");
  else
    asm volatile("fxrstor64 %0" : : "m"(own.extended) : "memory");
}

// ---- restartable sequences ----

constexpr uint32_t kRseqBytes = 32, kRseqSignature = 0x53053053; // as glibc registers it

// The kernel does not say where it is; but to register it a second time is answered otherwise than anything else. libc has
// it near the thread pointer.
uint64_t find_restartable(uint64_t thread_pointer) {
  constexpr long kFar = 8192;
  for (long away = 0; away < kFar; away += kRseqBytes)
    for (const uint64_t at : {thread_pointer + away, thread_pointer - away})
      if (sys::call(SYS_rseq, at, kRseqBytes, 0, kRseqSignature) == -EBUSY) return at;
  return 0;
}

uint64_t restartable() {
  constexpr long kNowhere = -4096;
  if (sys::call(SYS_rseq, kNowhere, kRseqBytes, 0, kRseqSignature) != -EINVAL) return 0; // none is registered
  const bool is_known =
      own.restartable && sys::call(SYS_rseq, own.restartable, kRseqBytes, 0, kRseqSignature) == -EBUSY;
  return is_known ? own.restartable : find_restartable(own.fs);
}

} // namespace

void prepare_travel() {
  (void)has_extended_state();
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &own.fs);
  own.restartable = restartable();
}

Registers& point_of_return() { return own.point; }

void note_belongings() {
  save_vectors();
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &own.fs);
  sys::call(SYS_arch_prctl, ARCH_GET_GS, &own.gs);
  own.clear_tid = 0;
  sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &own.clear_tid);
  sys::call(SYS_get_robust_list, 0, &own.robust_list, &own.robust_bytes);
  own.restartable = restartable();
  for (int signal = 1; signal <= kSignalCount; ++signal)
    sys::call(SYS_rt_sigaction, signal, nullptr, &own.actions[signal], sizeof(uint64_t));
  sys::call(SYS_sigaltstack, nullptr, &own.signal_stack);
  own.inheritance = own_inheritance();
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, nullptr, own.limits[i]);
  sys::call(SYS_sched_getaffinity, 0, sizeof own.affinity, &own.affinity);
  own.umask = sys::call(SYS_umask, 0);
  sys::call(SYS_umask, own.umask);
  own.personality = sys::call(SYS_personality, 0xffffffff);
  own.dumpable = sys::call(SYS_prctl, PR_GET_DUMPABLE);
  sys::call(SYS_getcwd, own.folder, sizeof own.folder);
}

void take_on_registers() {
  sys::call(SYS_arch_prctl, ARCH_SET_FS, own.fs);
  sys::call(SYS_arch_prctl, ARCH_SET_GS, own.gs);
  restore_vectors();
}

void take_on_belongings() {
  sys::call(SYS_set_tid_address, own.clear_tid);
  sys::call(SYS_set_robust_list, own.robust_list, own.robust_bytes ? own.robust_bytes : 24);
  if (own.restartable) sys::call(SYS_rseq, own.restartable, kRseqBytes, 0, kRseqSignature);
  for (int signal = 1; signal <= kSignalCount; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP) install_action(signal, own.actions[signal]);
  own.signal_stack.ss_flags &= ~SS_ONSTACK; // this is not it
  sys::call(SYS_sigaltstack, &own.signal_stack, nullptr);
  sys::call(SYS_chdir, own.folder);
  sys::call(SYS_umask, own.umask);
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, own.limits[i], nullptr);
  sys::call(SYS_personality, own.personality);
  sys::call(SYS_sched_setaffinity, 0, sizeof own.affinity, &own.affinity);
  sys::call(SYS_prctl, PR_SET_DUMPABLE, own.dumpable);
  take_on(own.inheritance, 0);
}

} // namespace sp
