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

struct OwnRegisters {
  alignas(64) uint8_t extended[kExtendedBytes];
  Registers point;
  uint64_t fs, gs;
  uint64_t clear_tid, robust_list, robust_bytes;
  uint64_t restartable; // address of struct rseq, 0: none is registered
};
constinit OwnRegisters own{};

struct Belongings {
  KernelAction actions[kSignalCount + 1];
  stack_t signal_stack;
  Inheritance inheritance;
  uint64_t limits[wire::kLimitCount][2];
  wire::CpuMask affinity;
  long umask, personality, dumpable;
  char folder[4096];
};
static_assert(sizeof(Belongings) <= wire::kBelongingsBytes);

Belongings& belongings(uint32_t record) {
  return *pointer_to<Belongings>(wire::transfer_area(record, wire::kTransferCount) - wire::kBelongingsBytes);
}

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

bool is_default(const KernelAction& action) { return !action.handler && !action.flags && !action.mask; }

} // namespace

void prepare_travel() {
  (void)has_extended_state();
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &own.fs);
  own.restartable = restartable();
}

Registers& point_of_return() { return own.point; }

void note_registers() {
  save_vectors();
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &own.fs);
  sys::call(SYS_arch_prctl, ARCH_GET_GS, &own.gs);
  own.clear_tid = 0;
  sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &own.clear_tid);
  sys::call(SYS_get_robust_list, 0, &own.robust_list, &own.robust_bytes);
  own.restartable = restartable();
}

void note_belongings(uint32_t record) {
  Belongings& b = belongings(record);
  for (int signal = 1; signal <= kSignalCount; ++signal)
    sys::call(SYS_rt_sigaction, signal, nullptr, &b.actions[signal], sizeof(uint64_t));
  sys::call(SYS_sigaltstack, nullptr, &b.signal_stack);
  b.inheritance = own_inheritance();
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, nullptr, b.limits[i]);
  sys::call(SYS_sched_getaffinity, 0, sizeof b.affinity, &b.affinity);
  b.umask = sys::call(SYS_umask, 0);
  sys::call(SYS_umask, b.umask);
  b.personality = sys::call(SYS_personality, 0xffffffff);
  b.dumpable = sys::call(SYS_prctl, PR_GET_DUMPABLE);
  sys::call(SYS_getcwd, b.folder, sizeof b.folder);
}

void take_on_registers() {
  sys::call(SYS_arch_prctl, ARCH_SET_FS, own.fs);
  sys::call(SYS_arch_prctl, ARCH_SET_GS, own.gs);
  restore_vectors();
}

void take_on_belongings(uint32_t record) {
  Belongings& b = belongings(record);
  sys::call(SYS_set_tid_address, own.clear_tid);
  sys::call(SYS_set_robust_list, own.robust_list, own.robust_bytes ? own.robust_bytes : 24);
  if (own.restartable) sys::call(SYS_rseq, own.restartable, kRseqBytes, 0, kRseqSignature);
  for (int signal = 1; signal <= kSignalCount; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP && !is_default(b.actions[signal]))
      install_action(signal, b.actions[signal]);
  b.signal_stack.ss_flags &= ~SS_ONSTACK; // this is not it
  sys::call(SYS_sigaltstack, &b.signal_stack, nullptr);
  sys::call(SYS_chdir, b.folder);
  sys::call(SYS_umask, b.umask);
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, b.limits[i], nullptr);
  sys::call(SYS_personality, b.personality);
  sys::call(SYS_sched_setaffinity, 0, sizeof b.affinity, &b.affinity);
  sys::call(SYS_prctl, PR_SET_DUMPABLE, b.dumpable);
  take_on(b.inheritance, 0);
}

} // namespace sp
