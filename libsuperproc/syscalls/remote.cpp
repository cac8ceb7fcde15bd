// SPDX-License-Identifier: Apache-2.0
// Most calls are passed on by what their row says about their arguments (marshal.hpp). Here are those where that is not
// all: they change which numbers are open, concern descriptors of both nodes, or are about relatives.
#include "libsuperproc/syscalls/remote.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "libsuperproc/base/restarting.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/cluster/find_moved.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/both_processes.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/messages.hpp"
#include "libsuperproc/syscalls/mixed_wait.hpp"
#include "libsuperproc/syscalls/path_place.hpp"
#include "libsuperproc/syscalls/remote_files.hpp"
#include "libsuperproc/syscalls/remote_ipc.hpp"
#include "libsuperproc/syscalls/segments.hpp"
#include "libsuperproc/syscalls/shown_elsewhere.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/epolls.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using vfd::is_remote;

// ---- numbers ----

std::optional<long> close_range(const Call& call) {
  const uint64_t last = call.arg(1) < wire::kVfdCountMax ? call.arg(1) : wire::kVfdCountMax - 1;
  bool any = false;
  for (uint64_t n = call.arg(0); n <= last && !any; ++n) any = is_remote(n);
  if (!any) return std::nullopt;
  vfd::shadow_call(SYS_close_range, call.arg(0), last, call.arg(2));
  return call.pass();
}

std::optional<long> control(const Call& call) {
  if (!is_remote(call.arg(0))) return std::nullopt;
  switch (call.number_arg(1)) {
    case F_DUPFD: return vfd::duplicate(call.arg(0), static_cast<long>(call.arg(2)), 0);
    case F_DUPFD_CLOEXEC: return vfd::duplicate(call.arg(0), static_cast<long>(call.arg(2)), 1);
    case F_GETFD: return call.pass();
    case F_SETFD: return by_row(call), call.pass();
    default: return control_by_shadow(call);
  }
}

std::optional<long> duplicate_to(const Call& call, int flags) {
  if (!is_remote(call.arg(0)) && !is_remote(call.arg(1))) return std::nullopt;
  if (call.number() == SYS_dup3 && call.arg(0) == call.arg(1)) return -EINVAL;
  return vfd::duplicate_to(call.arg(0), call.arg(1), flags);
}

// ---- relatives ----

// The kernel of the shadow's node has the tree as the program knows it; this one has what began here.
std::optional<long> wait_for(const Call& call) {
  if (call.number() == SYS_waitid && call.arg(0) == P_PIDFD && is_remote(call.arg(1))) return by_row(call);
  const long here = call.pass();
  if (here == -ECHILD) return by_row(call);
  siginfo_t info{};
  if (call.number() == SYS_wait4 && here > 0) vfd::await_undone(here);
  if (call.number() == SYS_waitid && here == 0 && vfd::read_program(&info, call.pointer<void>(2), sizeof info))
    vfd::await_undone(info.si_pid);
  return here;
}

std::optional<long> send(const Call& call) {
  const auto pid = static_cast<int32_t>(call.arg(0));
  if (pid > 0) {
    const long here = call.pass();
    if (here != -ESRCH || is_body_of(pid, vfd::membership.node)) return here;
  }
  return by_row(call);
}

// ... with what the row does not describe.
std::optional<long> send_with_info(const Call& call) {
  constexpr uint64_t kInfoBytes = 128;
  const long here = call.pass();
  if (here != -ESRCH) return here;
  vfd::Transfer transfer;
  const int at = call.number() == SYS_rt_sigqueueinfo ? 2 : 3;
  const void* const info = transfer.put(call.pointer<const void>(at), kInfoBytes);
  if (at == 2) return vfd::shadow_call(SYS_rt_sigqueueinfo, call.arg(0), call.arg(1), info);
  return vfd::shadow_call(SYS_rt_tgsigqueueinfo, call.arg(0), call.arg(1), call.arg(2), info);
}

// Which process it is says its number; the one at home is there as long as the program is.
std::optional<long> open_process(const Call& call) {
  const long here = call.pass();
  return here == -ESRCH && !is_body_of(call.number_arg(0), vfd::membership.node) ? by_row(call) : here;
}

// Whose parent is spd has its true one where the shadow is.
std::optional<long> tell_of_parents_death(const Call& call) {
  if (call.number_arg(0) != PR_SET_PDEATHSIG || sys::call(SYS_getppid) > 1) return std::nullopt;
  const long there = vfd::shadow_call(SYS_prctl, PR_SET_PDEATHSIG, call.arg(1));
  return sys::failed(there) ? there : call.pass();
}

// An answer about a relative that began on this node comes from here, if the shadow's node does not know its number.
std::optional<long> ask_both(const Call& call) {
  const long there = by_row(call);
  return there == -ESRCH ? call.pass() : there;
}

// By its descriptors and paths; a folder's descriptor belongs to the path behind it.
PathPlace place_of(const Call& call, const SyscallRow& row, const Arguments& arguments) {
  PathPlace found = PathPlace::here;
  for (uint32_t i = 0; i < arguments.count; ++i) {
    if (arguments.at[i].kind == ArgumentKind::fd && is_remote(call.arg(static_cast<int>(i)))) return PathPlace::home;
    if (arguments.at[i].kind != ArgumentKind::path || row.family != Family::files) continue;
    const PathPlace place = place_of_path(call, arguments, i);
    if (place == PathPlace::home) return place;
    if (place != PathPlace::here) found = place;
  }
  return found;
}

std::optional<long> perform_where_it_is(Call& call) {
  const SyscallRow* const row = find_syscall(call.number());
  if (!row || call.number() == SYS_chroot || call.number() == SYS_pivot_root) return std::nullopt;
  switch (place_of(call, *row, *find_arguments(call.number()))) {
    case PathPlace::here: return std::nullopt;
    case PathPlace::own_process: return open_own_process(call);
    case PathPlace::home: break;
    case PathPlace::image:
      if (const long here = call.pass(); here != -ENOENT) return here;
  }
  return by_row(call);
}

std::optional<long> perform(Call& call) {
  switch (call.number()) {
    case SYS_close:
      vfd::forget_twin(call.arg(0));
      if (!is_remote(call.arg(0))) return std::nullopt;
      return vfd::close_remote(call.arg(0));
    case SYS_close_range: return close_range(call);
    case SYS_rt_sigaction: vfd::CallScope::actions_change(); return std::nullopt;
    case SYS_dup:
      if (!is_remote(call.arg(0))) return std::nullopt;
      return vfd::duplicate(call.arg(0), 0, 0);
    case SYS_dup2: return duplicate_to(call, 0);
    case SYS_dup3: return duplicate_to(call, call.number_arg(2));
    case SYS_fcntl: return control(call);
    case SYS_ioctl:
      if (!is_remote(call.arg(0))) return std::nullopt;
      if (call.arg(1) == FIOCLEX || call.arg(1) == FIONCLEX) call.pass();
      return device_by_shadow(call);
    case SYS_socket:
      if (call.arg(0) == AF_NETLINK) return std::nullopt;
      return by_row(call); // until a node has a network of its own
    case SYS_mmap:
      if (const std::optional<long> segment = segment_of_cluster(call)) return segment;
      return map_file_of_home(call);
    case SYS_open:
    case SYS_openat:
      if (const std::optional<long> shown = open_about_moved(call)) return shown;
      break;
    case SYS_memfd_create:
      if (call.arg(1) & MFD_HUGETLB || !(call.arg(1) & MFD_ALLOW_SEALING)) return std::nullopt;
      return by_row(call); // so that other nodes can have it
    case SYS_umask: return mask_modes(call);
    case SYS_setrlimit:
    case SYS_prlimit64: return limit_files(call);
    case SYS_chdir:
    case SYS_fchdir: return change_folder(call);
    case SYS_getcwd:
    case SYS_inotify_init:
    case SYS_inotify_init1:
    case SYS_fanotify_init:
      if (all_files_are_common()) return std::nullopt;
      return by_row(call);
    case SYS_pipe:
    case SYS_pipe2:
    case SYS_socketpair:
      if (all_files_are_common()) return std::nullopt;
      return make_pair_at_home(call);
    case SYS_sendmsg:
    case SYS_recvmsg:
    case SYS_sendmmsg:
    case SYS_recvmmsg: return message_of_two_nodes(call);
    case SYS_sendfile:
    case SYS_copy_file_range:
    case SYS_splice: return copy_between(call);
    case SYS_vmsplice: return copy_memory(call);
    case SYS_tee:
      if (is_remote(call.arg(0)) != is_remote(call.arg(1))) return -EINVAL;
      return is_remote(call.arg(0)) ? std::optional(by_row(call)) : std::nullopt;
    case SYS_poll:
    case SYS_ppoll: return poll_both(call);
    case SYS_select:
    case SYS_pselect6: return select_both(call);
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2: return epoll_wait_both(call);
    case SYS_epoll_ctl: return epoll_control_both(call);
    case SYS_wait4:
    case SYS_waitid: return wait_for(call);
    case SYS_pidfd_open: return open_process(call);
    case SYS_kill:
    case SYS_tgkill: return send(call);
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo: return send_with_info(call);
    case SYS_mq_notify: return is_remote(call.arg(0)) ? std::optional(notify_by_shadow(call)) : std::nullopt;
    case SYS_prctl:
      if (const std::optional<long> changed = change_rights(call)) return changed;
      return tell_of_parents_death(call);
    case SYS_getppid: return parent_of_body();
    case SYS_getpgrp:
    case SYS_setsid: return by_row(call);
    case SYS_getpgid:
    case SYS_setpgid:
    case SYS_getsid: return ask_both(call);
    case SYS_shmget:
    case SYS_shmat:
    case SYS_shmdt:
    case SYS_shmctl:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_exit_group: return segment_of_cluster(call);
    default:
      if (is_rights_call(call.number())) return change_credentials(call);
      if (const std::optional<long> there = object_by_shadow(call)) return there;
      break;
  }
  return perform_where_it_is(call);
}

} // namespace

std::optional<long> perform_remotely(Call& call) {
  for (;;) {
    vfd::CallScope scope;
    const std::optional<long> result = perform(call);
    const bool again = scope.leave();
    if (!again || !result || *result != -EINTR || never_restarts(call.number())) return result;
  }
}

// Who began here has its parent here, while that lives; else spd is in its place.
long parent_of_body() {
  const long here = sys::call(SYS_getppid);
  return here > 1 ? here : vfd::shadow_call(SYS_getppid);
}

void watch_remote_calls() {
  constexpr int kOthers[] = {
      SYS_poll,       SYS_ppoll,     SYS_select,     SYS_pselect6,     SYS_wait4,           SYS_waitid,
      SYS_pidfd_open, SYS_kill,      SYS_getppid,    SYS_getpgrp,      SYS_setsid,          SYS_getpgid,
      SYS_setpgid,    SYS_getsid,    SYS_socket,     SYS_mmap,         SYS_memfd_create,    SYS_umask,
      SYS_setrlimit,  SYS_prlimit64, SYS_getcwd,     SYS_inotify_init, SYS_inotify_init1,   SYS_fanotify_init,
      SYS_pipe,       SYS_pipe2,     SYS_socketpair, SYS_tgkill,       SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
      SYS_prctl};
  for (const int number : kOthers) sp_interest[number].bits |= kInterestRemote;
  for (const int number : kRightsCalls) sp_interest[number].bits |= kInterestRemote;
  for (const int number : kSegmentCalls) sp_interest[number].bits |= kInterestRemote;
  for (const int number : kObjectCalls) sp_interest[number].bits |= kInterestRemote;
  for (const SyscallRow& row : syscall_rows()) {
    const Arguments& arguments = *find_arguments(row.number);
    for (uint32_t i = 0; i < arguments.count; ++i)
      if (arguments.at[i].kind == ArgumentKind::fd || arguments.at[i].kind == ArgumentKind::dirfd ||
          (arguments.at[i].kind == ArgumentKind::path && row.family == Family::files))
        sp_interest[row.number].bits |= kInterestRemote;
  }
}

} // namespace sp
