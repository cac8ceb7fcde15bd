// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_call.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libsuperproc/syscalls/about_calls.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "spd/kin.hpp"
#include "spd/notified_about.hpp"
#include "spd/notified_files.hpp"
#include "spd/notified_rights.hpp"
#include "spd/notified_start.hpp"
#include "spd/notified_wait.hpp"
#include "spd/places.hpp"
#include "spd/process_status.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

using vfd::is_remote;
using vfd::shadow_call;

constexpr std::nullopt_t kPass = std::nullopt;

long by_row(const Notification& call) { return call_by_shadow(call.number(), call.arguments()); }

// ---- numbers ----

std::optional<long> close(const Notification& call) {
  if (is_remote(call.arg(0))) shadow_call(SYS_close, call.arg(0));
  return kPass; // the placeholder
}

std::optional<long> close_range(const Notification& call) {
  const uint64_t last = std::min<uint64_t>(call.arg(1), wire::kVfdCountMax - 1);
  for (uint64_t n = call.arg(0); n <= last; ++n)
    if (is_remote(n)) return shadow_call(SYS_close_range, call.arg(0), last, call.arg(2)), kPass;
  return kPass;
}

// Calls on higher numbers are not seen: the program gets as many of the shadow's as if its limit were there.
long duplicate_to(const Notification& call, uint64_t to, int flags, long too_high) {
  if (to >= wire::kNotifiedDescriptors) return too_high;
  const int close_on_exec = flags & O_CLOEXEC;
  const long place = give_place(call, static_cast<uint32_t>(to), close_on_exec);
  if (sys::failed(place)) return place;
  const long done = shadow_call(SYS_dup3, call.arg(0), to, flags);
  return sys::failed(done) ? done : place;
}

std::optional<long> duplicate(const Notification& call) {
  const long place = give_place(call, std::nullopt, 0);
  if (sys::failed(place)) return place;
  const long done = shadow_call(SYS_dup3, call.arg(0), place, 0);
  return sys::failed(done) ? done : place;
}

std::optional<long> duplicate_over(const Notification& call, int flags) {
  if (call.arg(0) == call.arg(1)) return kPass; // as the kernel says
  if (is_remote(call.arg(0))) return duplicate_to(call, static_cast<uint32_t>(call.arg(1)), flags, -EBADF);
  if (is_remote(call.arg(1))) shadow_call(SYS_close, call.arg(1));
  return kPass;
}

std::optional<long> control(const Notification& call) {
  if (!is_remote(call.arg(0))) return kPass;
  switch (call.number_arg(1)) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
      const int flags = call.number_arg(1) == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0;
      return duplicate_to(call, lowest_free(call.tid(), static_cast<uint32_t>(call.arg(2))), flags, -EINVAL);
    }
    case F_GETFD: return kPass;
    case F_SETFD: return by_row(call), kPass;
    default: return control_file(call);
  }
}

// ---- relatives ----

pid_t process_of(const Notification& call) {
  const auto status = status_of(call.tid());
  return status ? status->process : call.tid();
}

std::optional<long> wait_for(const Notification& call) {
  if (!children_of(process_of(call)).empty()) return kPass;
  return by_row(call);
}

std::optional<long> send(const Notification& call) {
  const auto pid = call.number_arg(0);
  if (pid > 0 && (::kill(pid, 0) == 0 || errno != ESRCH)) return kPass;
  return by_row(call);
}

std::optional<long> parent(const Notification& call) {
  const auto status = status_of(call.tid());
  if (status && status->parent > 1) return kPass; // who began here has its parent here, while that lives
  return shadow_call(SYS_getppid);
}

std::optional<long> ask_both(const Notification& call) {
  const long there = by_row(call);
  if (there == -ESRCH) return kPass;
  return there;
}

std::optional<long> fork(const Notification& call) {
  uint64_t flags = call.number() == SYS_clone ? call.arg(0) : 0;
  if (call.number() == SYS_clone3 &&
      !vfd::read_program(&flags, reinterpret_cast<const void*>(call.arg(0)), sizeof flags))
    return kPass; // the kernel says why
  if (!(flags & CLONE_THREAD)) expect_child(call.tid());
  return kPass;
}

// ---- all ----

std::optional<long> by_descriptors(const Notification& call) {
  const Arguments* row = find_arguments(call.number());
  for (uint32_t i = 0; row && i < row->count; ++i)
    if ((row->at[i].kind == ArgumentKind::fd || row->at[i].kind == ArgumentKind::dirfd) &&
        is_remote(call.arg(static_cast<int>(i))))
      return by_row(call);
  return kPass;
}

std::optional<long> perform(NodeId self, uint32_t record, Notification& call) {
  if (find_about_call(call.number())) return about_others(self, process_of(call), call);
  if (changes_rights(call)) return expect_other_rights(call.tid()), kPass;
  switch (call.number()) {
    case SYS_close: return close(call);
    case SYS_close_range: return close_range(call);
    case SYS_dup: return is_remote(call.arg(0)) ? duplicate(call) : kPass;
    case SYS_dup2: return duplicate_over(call, 0);
    case SYS_dup3: return duplicate_over(call, call.number_arg(2));
    case SYS_fcntl: return control(call);
    case SYS_ioctl: return control_device(call);
    case SYS_socket: return call.arg(0) == AF_NETLINK ? kPass : std::optional(by_row(call));
    case SYS_open:
    case SYS_openat: return open_file(call);
    case SYS_mmap: return map_file(call);
    case SYS_sendmsg:
    case SYS_recvmsg: return is_remote(call.arg(0)) ? std::optional(pass_message(call)) : kPass;
    case SYS_sendfile:
    case SYS_copy_file_range:
    case SYS_splice: return copy_file(call);
    case SYS_poll:
    case SYS_ppoll: return poll_both(call);
    case SYS_select:
    case SYS_pselect6: return select_both(call);
    case SYS_epoll_ctl: // as for a file; programs have a way without
      return !is_remote(call.arg(0)) && is_remote(call.arg(2)) ? std::optional<long>(-EPERM) : by_descriptors(call);
    case SYS_wait4:
    case SYS_waitid: return wait_for(call);
    case SYS_kill: return send(call);
    case SYS_getppid: return parent(call);
    case SYS_getpgrp:
    case SYS_setsid: return by_row(call);
    case SYS_getpgid:
    case SYS_setpgid:
    case SYS_getsid: return ask_both(call);
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_clone3: return fork(call);
    case SYS_execve:
    case SYS_execveat: return about_to_start(record), kPass;
    case SYS_exit_group: return adopt_all_children(self, record), kPass;
    default:
      if (const std::optional<long> there = use_object(call)) return there;
      return by_descriptors(call);
  }
}

} // namespace

void perform_notified(NodeId self, Notification& call) {
  const auto record = record_of_thread(self, call.tid());
  if (!record || wire::moved(*record).has_shim.load()) return call.pass();
  thread_self.borrower_record = *record + 1; // vfd::own_record()
  adopt_children(self, *record, call.tid());
  if (!begin_program(call, *record)) return call.answer(-EIO);
  tell_of_rights(call.tid(), *record);
  const std::optional<long> result = perform(self, *record, call);
  result ? call.answer(*result) : call.pass();
  after_start(call, *record);
}

} // namespace sp::spd
