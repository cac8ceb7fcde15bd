// SPDX-License-Identifier: Apache-2.0
#include "spd/admission.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/syscalls/about_calls.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "spd/admission_ipc.hpp"

namespace sp::spd {

namespace {

constexpr uint64_t kStructureBytes = 64 << 10; // no structure is bigger; a record has more behind its transfer areas

// About relatives, and waits. What else is admitted concerns files, sockets, objects of IPC, or a descriptor.
constexpr long kOthers[] = {SYS_kill,    SYS_wait4,   SYS_waitid,          SYS_getppid,          SYS_getpgrp,
                            SYS_getpgid, SYS_setpgid, SYS_getsid,          SYS_setsid,           SYS_pidfd_open,
                            SYS_ppoll,   SYS_tgkill,  SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
                            SYS_shmget,  SYS_shmat,   SYS_shmdt,           SYS_shmctl,           SYS_getrusage};
constexpr long kToThreads[] = {SYS_tgkill, SYS_rt_tgsigqueueinfo};
// They change the process that calls, or point to pointers.
constexpr long kNot[] = {
    SYS_mmap,      SYS_execveat, SYS_setns,           SYS_chroot,       SYS_pivot_root,      SYS_vmsplice,
    SYS_sendmmsg,  SYS_recvmmsg, SYS_perf_event_open, SYS_finit_module, SYS_kexec_file_load, SYS_process_madvise,
    446 /*landlock_restrict_self*/};

template <size_t N>
bool is_one_of(const long (&numbers)[N], long number) {
  return std::find(numbers, numbers + N, number) != numbers + N;
}

bool has_descriptor(const Arguments& arguments) {
  return std::any_of(arguments.at.begin(), arguments.at.begin() + arguments.count, [](const Argument& argument) {
    return argument.kind == ArgumentKind::fd || argument.kind == ArgumentKind::dirfd;
  });
}

bool is_offered(const SyscallRow& row, const Arguments& arguments) {
  if (is_one_of(kNot, row.number) || row.route == Route::refused) return false;
  return row.family == Family::files || row.family == Family::network || row.family == Family::ipc ||
         has_descriptor(arguments) ||
         is_one_of(kOthers, row.number);
}

bool points_to_record(uint64_t command) {
  switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
    case F_SETOWN_EX:
    case F_GETOWN_EX: return true;
    default: return command >= 1035 && command <= 1038; // hints: F_GET_RW_HINT .. F_SET_FILE_RW_HINT
  }
}

// What the row cannot say: whether the last argument is a number or an address.
bool is_good_control(const CallWords& call) {
  const uint64_t last = call[3];
  if (call[0] == SYS_fcntl) return !points_to_record(call[2]) || in_segment(last, kStructureBytes);
  return last < kStructureBytes || in_segment(last, kStructureBytes); // a small number is no address of any process
}

bool is_good(const Argument& argument, const CallWords& call, uint64_t value) {
  switch (argument.kind) {
    case ArgumentKind::path:
    case ArgumentKind::str:
    case ArgumentKind::ptr:
    case ArgumentKind::outlen: return value == 0 || in_segment(value, kStructureBytes);
    case ArgumentKind::sigset:
    case ArgumentKind::timespec: return value == 0 || in_segment(value, 16);
    case ArgumentKind::in:
    case ArgumentKind::out:
    case ArgumentKind::inout: {
      const uint64_t bytes = argument.bytes ? argument.bytes : call[1 + argument.length_argument];
      return value == 0 || bytes == 0 || in_segment(value, bytes);
    }
    case ArgumentKind::iovin:
    case ArgumentKind::iovout: return false;
    default: return true;
  }
}

// The nice value of the shadow itself, which follows its body's, and of its group.
bool is_about_priority(uint64_t number) {
  return number == SYS_setpriority || number == SYS_getpriority || number == SYS_ioprio_set || number == SYS_ioprio_get;
}
long admit_priority(const CallWords& call) {
  const AboutCall& row = *find_about_call(static_cast<long>(call[0]));
  if (call[1] == row.group()) return call[2] == 0 ? 0 : -ENOSYS;
  return call[1] == row.process() && (call[2] == 0 || call[2] == static_cast<uint64_t>(getpid())) ? 0 : -ENOSYS;
}

} // namespace

bool in_segment(uint64_t address, uint64_t bytes) {
  return address >= wire::kClusterBase && bytes <= wire::kClusterBytes &&
         address - wire::kClusterBase <= wire::kClusterBytes - bytes;
}

long admit(const CallWords& call) {
  const SyscallRow* const row = call[0] < 4096 ? find_syscall(static_cast<long>(call[0])) : nullptr;
  if (!row) return -ENOSYS;
  const Arguments& arguments = *find_arguments(row->number);
  if (row->number == SYS_prlimit64) // how long files may become, of the shadow itself
    return call[1] != 0 || call[2] != RLIMIT_FSIZE || call[4] != 0 ? -ENOSYS : in_segment(call[3], 16) ? 0 : -EFAULT;
  if (row->number == SYS_prctl) return call[1] == PR_SET_PDEATHSIG ? 0 : -ENOSYS; // of the shadow's parent
  if (is_about_priority(call[0])) return admit_priority(call);
  if (is_one_of(kToThreads, row->number) && static_cast<pid_t>(call[1]) == getpid()) return -ESRCH; // its own threads
  if (!is_offered(*row, arguments)) return -ENOSYS;
  if (row->number == SYS_fcntl || row->number == SYS_ioctl) return is_good_control(call) ? 0 : -EFAULT;
  if (const long refused = admit_object_call(call)) return refused;
  for (uint32_t i = 0; i < arguments.count; ++i)
    if (!is_good(arguments.at[i], call, call[1 + i])) return -EFAULT;
  return 0;
}

} // namespace sp::spd
