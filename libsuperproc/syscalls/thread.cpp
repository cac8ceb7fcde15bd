// SPDX-License-Identifier: Apache-2.0
// System calls that make and end threads and processes: decode, and hand to process/.
#include <csignal>
#include <linux/sched.h>

#include "libsuperproc/process/clone.hpp"
#include "libsuperproc/process/ending.hpp"
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/vfork.hpp"
#include "libsuperproc/signal/masks.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/pointers.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

uint64_t mask_of(const Call& call) {
  if (call.trap) return mask_in(call.trap);
  uint64_t mask = 0;
  sys::call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask);
  return mask;
}

// Flags that contradict each other, as clone(2) has them: refused before a thread is prepared or the world stopped.
bool is_contradiction(uint64_t flags) {
  const auto all_of = [flags](uint64_t wanted) { return (flags & wanted) == wanted; };
  if (flags & CLONE_THREAD && (!(flags & CLONE_SIGHAND) || flags & (CLONE_NEWUSER | CLONE_NEWPID))) return true;
  if (flags & CLONE_SIGHAND && !(flags & CLONE_VM)) return true;
  return all_of(CLONE_FS | CLONE_NEWNS) || all_of(CLONE_FS | CLONE_NEWUSER);
}

bool is_valid(const clone_args& args) {
  constexpr uint64_t kSignalMax = 64, kNoFlags = CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME);
  if (args.flags & kNoFlags || args.exit_signal > kSignalMax) return false;
  if (args.flags & (CLONE_THREAD | CLONE_PARENT) && args.exit_signal) return false;
  return !args.stack == !args.stack_size;
}

long clone(Call& call, const CloneArguments& arguments) {
  if (is_contradiction(arguments.flags)) return -EINVAL;
  finish_fork_copy();
  if (arguments.flags & CLONE_THREAD) return clone_thread(arguments, call.registers, mask_of(call));
  if (!(arguments.flags & CLONE_VM))
    return vfd::is_body() ? fork_body(arguments, call.registers, mask_of(call))
                          : fork_process(arguments, call.registers, mask_of(call));
  if (!arguments.stack) return vfork_process(arguments, call.registers, mask_of(call));
  return clone_borrower(arguments, call.registers, mask_of(call));
}

} // namespace

long sys_clone(Call& call) { return clone(call, {call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4)}); }
long sys_fork(Call& call) { return clone(call, {SIGCHLD, 0, 0, 0, 0}); }
long sys_vfork(Call& call) { return clone(call, {CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0}); }

// What clone can express goes that way; a chosen tid, a cgroup or reset handlers cannot.
long sys_clone3(Call& call) {
  if (call.arg(1) < CLONE_ARGS_SIZE_VER0) return -EINVAL;
  if (!is_readable(call.pointer<const void>(0), sizeof(clone_args))) return call.pass();
  const clone_args args = *call.pointer<const clone_args>(0);
  const bool more = call.arg(1) > CLONE_ARGS_SIZE_VER0;
  constexpr uint64_t kNotByClone = CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
  if (args.flags & kNotByClone || (more && call.arg(1) >= CLONE_ARGS_SIZE_VER1 && args.set_tid_size)) return -ENOSYS;
  if (!is_valid(args)) return -EINVAL;
  if (args.flags & CLONE_PIDFD && args.flags & CLONE_PARENT_SETTID) return -ENOSYS;
  const uint64_t parent_tid = args.flags & CLONE_PIDFD ? args.pidfd : args.parent_tid;
  return clone(call, {args.flags | args.exit_signal, args.stack ? args.stack + args.stack_size : 0, parent_tid,
                      args.child_tid, args.tls});
}

// As far as exec reads them itself. The kernel has the errno for the rest.
bool can_read_list(const char* const* list) {
  for (; list; ++list) {
    if (!is_readable(list, sizeof *list)) return false;
    if (!*list) break;
    if (!is_readable(*list, 1)) return false;
  }
  return true;
}

long sys_execve(Call& call) {
  if (!is_readable(call.pointer<const void>(0), 1) || !can_read_list(call.pointer<const char* const>(1)) ||
      !can_read_list(call.pointer<const char* const>(2)))
    return call.pass();
  return exec(call.pointer<const char>(0), call.pointer<const char* const>(1), call.pointer<const char* const>(2),
              mask_of(call));
}

long sys_execveat(Call& call) {
  if (!is_readable(call.pointer<const void>(1), 1) || !can_read_list(call.pointer<const char* const>(2)) ||
      !can_read_list(call.pointer<const char* const>(3)))
    return call.pass();
  return exec_at(call.number_arg(0), call.pointer<const char>(1), call.pointer<const char* const>(2),
                 call.pointer<const char* const>(3), call.number_arg(4), mask_of(call));
}

long sys_exit(Call& call) { exit_thread(call.number_arg(0)); }
long sys_exit_group(Call& call) { exit_subprocess(call.number_arg(0) & 0xff); }

long sys_set_robust_list(Call& call) { return set_robust_list(call.arg(0), call.arg(1)); }

// The last step of a thread on isolated nodes takes it back (process/last_step.hpp).
long sys_rseq(Call& call) {
  const long result = call.pass();
  wire::ThreadRecord* const record = thread_self.record;
  if (result != 0 || !record) return result;
  record->restartable = call.arg(0);
  record->restartable_bytes = call.arg(2) ? 0 : static_cast<uint32_t>(call.arg(1));
  record->restartable_signature = static_cast<uint32_t>(call.arg(3));
  return 0;
}

long sys_set_tid_address(Call& call) {
  if ((at_home() && !is_hashed()) || !thread_self.record) return call.pass();
  thread_self.record->clear_tid = call.arg(0);
  return thread_self.record->tid.load();
}

} // namespace sp
