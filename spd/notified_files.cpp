// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/remote_files.hpp"
#include "libsuperproc/syscalls/remote_ipc.hpp"
#include "spd/as_call.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

using vfd::is_remote;
using vfd::shadow_call;

// The shadow's file, opened here by its name. -errno.
long open_here(uint64_t descriptor, int flags) {
  vfd::Transfer transfer;
  char link[48];
  snprintf(link, sizeof link, "/proc/self/fd/%u", static_cast<unsigned>(descriptor));
  auto* const path = static_cast<char*>(transfer.take(sizeof link));
  memcpy(path, link, sizeof link);
  auto* const name = static_cast<char*>(transfer.take(4096));
  const long bytes = shadow_call(SYS_readlink, path, name, 4095);
  if (sys::failed(bytes)) return bytes;
  char copy[4096];
  memcpy(copy, name, static_cast<size_t>(bytes));
  copy[bytes] = '\0';
  const int here = open(copy, flags | O_CLOEXEC | O_NONBLOCK);
  if (here < 0) return -ENODEV;
  auto* const far = static_cast<struct stat*>(transfer.take(sizeof(struct stat)));
  struct stat near;
  if (shadow_call(SYS_fstat, descriptor, far) == 0 && fstat(here, &near) == 0 && near.st_dev == far->st_dev &&
      near.st_ino == far->st_ino)
    return here;
  close(here);
  return -ENODEV;
}

bool is_terminal_name(uint64_t address) {
  constexpr char kName[] = "/dev/tty";
  char given[sizeof kName];
  return vfd::read_program(given, reinterpret_cast<const void*>(address), sizeof given) &&
         memcmp(given, kName, sizeof kName) == 0;
}

} // namespace

long control_file(const Notification& n) { return control_by_shadow(AsCall(n).call); }

std::optional<long> control_device(const Notification& n) {
  if (!is_remote(n.arg(0))) return std::nullopt;
  const long result = device_by_shadow(AsCall(n).call);
  if (n.arg(1) == FIOCLEX || n.arg(1) == FIONCLEX) return std::nullopt; // the placeholder as well
  return result;
}

std::optional<long> use_object(const Notification& n) { return object_by_shadow(AsCall(n).call); }

std::optional<long> open_file(const Notification& n) {
  const bool at = n.number() == SYS_openat;
  if (!(at && is_remote(n.arg(0))) && !is_terminal_name(n.arg(at ? 1 : 0))) return std::nullopt;
  return call_by_shadow(n.number(), n.arguments());
}

// The program gets the file in the placeholder's place, which is as good as any for one, and maps that.
std::optional<long> map_file(const Notification& n) {
  if (n.arg(3) & MAP_ANONYMOUS || !is_remote(n.arg(4))) return std::nullopt;
  const bool writes = (n.arg(3) & MAP_SHARED) && (n.arg(2) & PROT_WRITE);
  const long access = shadow_call(SYS_fcntl, n.arg(4), F_GETFL);
  if (sys::failed(access)) return access;
  if ((access & O_ACCMODE) == O_WRONLY || (writes && (access & O_ACCMODE) != O_RDWR)) return -EACCES;
  const long here = open_here(n.arg(4), writes ? O_RDWR : O_RDONLY);
  if (sys::failed(here)) return here;
  const long closes = shadow_call(SYS_fcntl, n.arg(4), F_GETFD);
  const long given = n.give(static_cast<int>(here), static_cast<uint32_t>(n.arg(4)), closes & FD_CLOEXEC);
  close(static_cast<int>(here));
  if (sys::failed(given)) return given;
  return std::nullopt;
}

long pass_message(const Notification& n) {
  return message_by_shadow(n.arg(0), reinterpret_cast<msghdr*>(n.arg(1)), static_cast<int>(n.arg(2)),
                           n.number() == SYS_sendmsg);
}

// Programs have a loop of read and write for files where these calls do not work: they are told so.
std::optional<long> copy_file(const Notification& n) {
  const bool sendfile = n.number() == SYS_sendfile;
  const uint64_t in = sendfile ? n.arg(1) : n.arg(0), out = sendfile ? n.arg(0) : n.arg(2);
  if (!is_remote(in) && !is_remote(out)) return std::nullopt;
  return n.number() == SYS_copy_file_range ? -EXDEV : -EINVAL;
}

uint32_t lowest_free(pid_t tid, uint32_t from) {
  char path[48];
  for (; from < wire::kNotifiedDescriptors; ++from) {
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%u", tid, from);
    if (access(path, F_OK) != 0) break;
  }
  return from;
}

} // namespace sp::spd
