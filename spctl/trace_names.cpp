// SPDX-License-Identifier: Apache-2.0
// See trace_names.hpp.
#include "spctl/trace_names.hpp"

#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/futex.h>
#include <sched.h>
#include <span>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "spctl/kill_request.hpp"
#include "spctl/message.hpp"

namespace sp::spctl {
namespace {

struct Name {
  uint64_t value;
  const char* name;
};
#define NAME(constant)                                                                                                 \
  { static_cast<uint64_t>(constant), #constant }

constexpr Name kProtections[] = {NAME(PROT_READ), NAME(PROT_WRITE), NAME(PROT_EXEC), NAME(PROT_GROWSDOWN)};
constexpr Name kMapFlags[] = {
    NAME(MAP_SHARED_VALIDATE), NAME(MAP_SHARED),    NAME(MAP_PRIVATE),   NAME(MAP_FIXED),          NAME(MAP_ANONYMOUS),
    NAME(MAP_GROWSDOWN),       NAME(MAP_NORESERVE), NAME(MAP_POPULATE),  NAME(MAP_STACK),          NAME(MAP_HUGETLB),
    NAME(MAP_LOCKED),          NAME(MAP_NONBLOCK),  NAME(MAP_DENYWRITE), NAME(MAP_FIXED_NOREPLACE)};
constexpr Name kOpenFlags[] = {NAME(O_CREAT),     NAME(O_EXCL),    NAME(O_NOCTTY),   NAME(O_TRUNC),  NAME(O_APPEND),
                               NAME(O_NONBLOCK),  NAME(O_SYNC),    NAME(O_DSYNC),    NAME(O_DIRECT), NAME(O_TMPFILE),
                               NAME(O_DIRECTORY), NAME(O_NOATIME), NAME(O_NOFOLLOW), NAME(O_PATH),   NAME(O_CLOEXEC)};
constexpr Name kCloneFlags[] = {
    NAME(CLONE_VM),     NAME(CLONE_FS),           NAME(CLONE_FILES),          NAME(CLONE_SIGHAND),
    NAME(CLONE_PIDFD),  NAME(CLONE_VFORK),        NAME(CLONE_PARENT),         NAME(CLONE_THREAD),
    NAME(CLONE_NEWNS),  NAME(CLONE_SYSVSEM),      NAME(CLONE_SETTLS),         NAME(CLONE_PARENT_SETTID),
    NAME(CLONE_NEWPID), NAME(CLONE_CHILD_SETTID), NAME(CLONE_CHILD_CLEARTID), NAME(CLONE_NEWUSER),
    NAME(CLONE_NEWNET), NAME(CLONE_NEWUTS),       NAME(CLONE_NEWIPC)};
constexpr Name kAdvice[] = {NAME(MADV_NORMAL),   NAME(MADV_RANDOM),   NAME(MADV_SEQUENTIAL), NAME(MADV_WILLNEED),
                            NAME(MADV_DONTNEED), NAME(MADV_FREE),     NAME(MADV_REMOVE),     NAME(MADV_DONTFORK),
                            NAME(MADV_DOFORK),   NAME(MADV_HUGEPAGE), NAME(MADV_NOHUGEPAGE), NAME(MADV_DONTDUMP)};
constexpr Name kFutexOperations[] = {
    NAME(FUTEX_WAIT),        NAME(FUTEX_WAKE),        NAME(FUTEX_REQUEUE),         NAME(FUTEX_CMP_REQUEUE),
    NAME(FUTEX_WAKE_OP),     NAME(FUTEX_LOCK_PI),     NAME(FUTEX_UNLOCK_PI),       NAME(FUTEX_TRYLOCK_PI),
    NAME(FUTEX_WAIT_BITSET), NAME(FUTEX_WAKE_BITSET), NAME(FUTEX_WAIT_REQUEUE_PI), NAME(FUTEX_CMP_REQUEUE_PI),
    NAME(FUTEX_LOCK_PI2)};
constexpr Name kWhence[] = {NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END), NAME(SEEK_DATA), NAME(SEEK_HOLE)};
constexpr Name kSignalHow[] = {NAME(SIG_BLOCK), NAME(SIG_UNBLOCK), NAME(SIG_SETMASK)};
constexpr Name kResources[] = {NAME(RLIMIT_CPU),      NAME(RLIMIT_FSIZE), NAME(RLIMIT_DATA),   NAME(RLIMIT_STACK),
                               NAME(RLIMIT_CORE),     NAME(RLIMIT_RSS),   NAME(RLIMIT_NPROC),  NAME(RLIMIT_NOFILE),
                               NAME(RLIMIT_MEMLOCK),  NAME(RLIMIT_AS),    NAME(RLIMIT_LOCKS),  NAME(RLIMIT_SIGPENDING),
                               NAME(RLIMIT_MSGQUEUE), NAME(RLIMIT_NICE),  NAME(RLIMIT_RTPRIO), NAME(RLIMIT_RTTIME)};
constexpr Name kClocks[] = {NAME(CLOCK_REALTIME),          NAME(CLOCK_MONOTONIC),     NAME(CLOCK_PROCESS_CPUTIME_ID),
                            NAME(CLOCK_THREAD_CPUTIME_ID), NAME(CLOCK_MONOTONIC_RAW), NAME(CLOCK_REALTIME_COARSE),
                            NAME(CLOCK_MONOTONIC_COARSE),  NAME(CLOCK_BOOTTIME),      NAME(CLOCK_TAI)};
#undef NAME

std::string one_of(std::span<const Name> names, uint64_t value) {
  for (const Name& name : names)
    if (name.value == value) return name.name;
  return fmt::format("{:#x}", value);
}

// Bits without a name come last, as a number; `text` goes before all.
std::string flags_text(std::span<const Name> names, uint64_t value, std::string text) {
  for (const Name& name : names) {
    if ((value & name.value) != name.value || name.value == 0) continue;
    text += fmt::format("{}{}", text.empty() ? "" : "|", name.name);
    value &= ~name.value;
  }
  if (value != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text.empty() ? "0" : text;
}

std::string open_text(uint64_t flags) {
  const uint64_t access = flags & O_ACCMODE;
  constexpr uint64_t kLargeFile = 0100000;
  return flags_text(kOpenFlags, flags & ~static_cast<uint64_t>(O_ACCMODE) & ~kLargeFile,
                    access == O_RDONLY   ? "O_RDONLY"
                    : access == O_WRONLY ? "O_WRONLY"
                    : access == O_RDWR   ? "O_RDWR"
                                         : "3");
}

std::string clone_text(uint64_t flags) {
  constexpr uint64_t kSignal = 0xff;
  std::string text = (flags & ~kSignal) != 0 ? flags_text(kCloneFlags, flags & ~kSignal, {}) : "";
  if ((flags & kSignal) != 0) text += (text.empty() ? "" : "|") + constant_text(ArgumentKind::signal, flags & kSignal);
  return text.empty() ? "0" : text;
}

std::string futex_text(uint64_t operation) {
  std::string text = one_of(kFutexOperations, operation & static_cast<uint64_t>(FUTEX_CMD_MASK));
  if ((operation & FUTEX_PRIVATE_FLAG) != 0) text += "_PRIVATE";
  if ((operation & FUTEX_CLOCK_REALTIME) != 0) text += "|FUTEX_CLOCK_REALTIME";
  return text;
}

} // namespace

std::string constant_text(ArgumentKind kind, uint64_t value) {
  const uint64_t low = value & 0xffffffff; // an int's register may hold anything above it
  switch (kind) {
    case ArgumentKind::prot: return low == 0 ? "PROT_NONE" : flags_text(kProtections, low, {});
    case ArgumentKind::mapflags: return flags_text(kMapFlags, low, {});
    case ArgumentKind::openflags: return open_text(low);
    case ArgumentKind::cloneflags: return clone_text(value);
    case ArgumentKind::advice: return one_of(kAdvice, low);
    case ArgumentKind::futexop: return futex_text(low);
    case ArgumentKind::whence: return one_of(kWhence, low);
    case ArgumentKind::sighow: return one_of(kSignalHow, low);
    case ArgumentKind::resource: return one_of(kResources, low);
    case ArgumentKind::clockid: return one_of(kClocks, low);
    case ArgumentKind::signal: {
      const std::string name = low <= 64 ? signal_name(static_cast<int>(low)) : "";
      return name.empty() ? fmt::format("{}", static_cast<int32_t>(low)) : "SIG" + name;
    }
    default: return "";
  }
}

std::string error_text(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? fmt::format("{} ({})", name, errno_text(error)) : fmt::format("error {}", error);
}

} // namespace sp::spctl
