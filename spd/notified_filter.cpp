// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_filter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <vector>

#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/syscalls/about_calls.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/remote_ipc.hpp"
#include "libsuperproc/syscalls/table.hpp"

namespace sp::spd {

namespace {

constexpr int kAlways[] = {SYS_open,    SYS_openat,   SYS_poll,    SYS_ppoll,   SYS_select, SYS_pselect6, SYS_wait4,
                           SYS_waitid,  SYS_kill,     SYS_getppid, SYS_getpgrp, SYS_setsid, SYS_getpgid,  SYS_setpgid,
                           SYS_getsid,  SYS_socket,   SYS_fork,    SYS_vfork,   SYS_clone3, SYS_execve,   SYS_execveat,
                           SYS_exit_group, SYS_close_range, SYS_prctl};

class Program {
public:
  void add(uint16_t code, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_.push_back({code, if_true, if_false, value});
  }
  void load(uint32_t at) { add(BPF_LD | BPF_W | BPF_ABS, at); }
  void load_argument(uint32_t n) { load(offsetof(seccomp_data, args) + n * 8); } // its low half: int
  void answer(uint32_t with) { add(BPF_RET | BPF_K, with); }
  size_t mark() const { return code_.size(); }
  // The jump at `from` leads to the next instruction when its condition is false.
  void else_here(size_t from) { code_[from].jf = static_cast<uint8_t>(mark() - from - 1); }
  const std::vector<sock_filter>& code() const { return code_; }

private:
  std::vector<sock_filter> code_;
};

// Asked about if the argument is a descriptor that may be the shadow's.
void ask_by_descriptor(Program& program, uint32_t argument) {
  program.load_argument(argument);
  program.add(BPF_JMP | BPF_JGE | BPF_K, wire::kNotifiedDescriptors, 1, 0);
  program.answer(SECCOMP_RET_USER_NOTIF);
}

// Asked about unless these bits of the argument are set.
void ask_without(Program& program, uint32_t argument, uint32_t bits) {
  program.load_argument(argument);
  program.add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
  program.answer(SECCOMP_RET_USER_NOTIF);
}

// Only what comes behind it asks: let it pass if these bits are set.
void pass_with(Program& program, uint32_t argument, uint32_t bits) {
  program.load_argument(argument);
  program.add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
  program.answer(SECCOMP_RET_ALLOW);
}

// Not signals to threads: most are to the caller's own, and many.
const AboutCall* asked_about(long number) {
  const AboutCall* const call = find_about_call(number);
  return call && !call->is_signal() ? call : nullptr;
}

// Not about the caller itself.
void ask_about_others(Program& program, const AboutCall& call) {
  if (call.says_which()) return program.answer(SECCOMP_RET_USER_NOTIF);
  program.load_argument(static_cast<uint32_t>(call.who));
  program.add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  program.answer(SECCOMP_RET_USER_NOTIF);
}

bool is_always_asked(int number) {
  return is_rights_call(number) || // the shadow takes them on
         std::find(std::begin(kAlways), std::end(kAlways), number) != std::end(kAlways) ||
         std::find(std::begin(kObjectCalls), std::end(kObjectCalls), number) != std::end(kObjectCalls);
}

void judge(Program& program, const SyscallRow& row) {
  const Arguments& arguments = *find_arguments(row.number);
  const bool always = is_always_asked(row.number);
  const size_t before = program.mark();
  program.add(BPF_JMP | BPF_JEQ | BPF_K, row.number, 0, 0);
  if (always) program.answer(SECCOMP_RET_USER_NOTIF);
  if (row.number == SYS_clone) ask_without(program, 0, CLONE_THREAD);
  if (const AboutCall* const about = asked_about(row.number)) ask_about_others(program, *about);
  if (row.number == SYS_mmap) pass_with(program, 3, MAP_ANONYMOUS);
  for (uint32_t i = 0; i < arguments.count && !always; ++i)
    if (arguments.at[i].kind == ArgumentKind::fd || arguments.at[i].kind == ArgumentKind::dirfd)
      ask_by_descriptor(program, i);
  program.answer(SECCOMP_RET_ALLOW);
  program.else_here(before);
}

bool concerns_descriptors(const SyscallRow& row) {
  const Arguments& arguments = *find_arguments(row.number);
  for (uint32_t i = 0; i < arguments.count; ++i)
    if (arguments.at[i].kind == ArgumentKind::fd || arguments.at[i].kind == ArgumentKind::dirfd) return true;
  return false;
}

} // namespace

void write_notified_filter(wire::NotifiedFilter& filter) {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  program.answer(SECCOMP_RET_ERRNO | ENOSYS);
  program.load(offsetof(seccomp_data, nr));
  for (const SyscallRow& row : syscall_rows())
    if (is_always_asked(row.number) || row.number == SYS_clone || asked_about(row.number) || concerns_descriptors(row))
      judge(program, row);
  program.answer(SECCOMP_RET_ALLOW);
  static_assert(sizeof(sock_filter) == sizeof filter.instructions[0]);
  filter.length = static_cast<uint32_t>(std::min<size_t>(program.mark(), wire::kFilterLengthMax));
  memcpy(filter.instructions, program.code().data(), filter.length * sizeof(sock_filter));
}

} // namespace sp::spd
