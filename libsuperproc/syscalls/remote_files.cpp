// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/remote_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/syscalls/marshal.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

// files.cpp
[[gnu::visibility("hidden")]] long sys_open(Call&);
[[gnu::visibility("hidden")]] long sys_openat(Call&);

namespace {

using vfd::is_remote;
using vfd::shadow_call;

// A call with one structure that goes there and back.
long with_structure(const Call& call, uint64_t bytes) {
  vfd::Transfer transfer;
  void* const there = transfer.put(call.pointer<const void>(2), bytes);
  if (!there) return -EFAULT;
  const long result = shadow_call(call.number(), call.arg(0), call.arg(1), there);
  if (!sys::failed(result) && !vfd::write_program(call.pointer<void>(2), there, bytes)) return -EFAULT;
  return result;
}

// Requests older than the scheme that has the size in the number.
uint64_t bytes_of_request(uint32_t request) {
  switch (request) {
    case TCGETS:
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return 36;
    case TIOCGWINSZ:
    case TIOCSWINSZ: return 8;
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
    case TIOCOUTQ:
    case FIONREAD:
    case FIONBIO:
    case FIOASYNC:
    case TIOCMGET:
    case TIOCMSET: return 4;
    case TIOCSTI: return 1;
    default: return _IOC_SIZE(request);
  }
}

// `bytes` of what it points to, if that is there.
bool begins_with(const char* path, const char* text, uint64_t bytes) {
  char given[16];
  return vfd::read_program(given, path, bytes) && __builtin_memcmp(given, text, bytes) == 0;
}

long same_file(long here, uint64_t there) {
  vfd::Transfer transfer;
  auto* const far = static_cast<struct stat*>(transfer.take(sizeof(struct stat)));
  struct stat near;
  if (const long result = shadow_call(SYS_fstat, there, far); sys::failed(result)) return result;
  if (const long result = sys::call(SYS_fstat, here, &near); sys::failed(result)) return result;
  return near.st_dev == far->st_dev && near.st_ino == far->st_ino ? 0 : -ENODEV;
}

// The same file, opened here by its name. -errno.
long open_here(uint64_t descriptor, int flags) {
  vfd::Transfer transfer;
  Path link;
  link << "/proc/self/fd/" << static_cast<long>(descriptor);
  auto* const name = static_cast<char*>(transfer.take(4096));
  const long bytes = shadow_call(SYS_readlink, transfer.put_text(link.text()), name, 4095);
  if (sys::failed(bytes)) return bytes;
  name[bytes] = 0;
  const long here = sys::call(SYS_openat, AT_FDCWD, name, flags | O_CLOEXEC, 0);
  if (sys::failed(here)) return -ENODEV;
  if (const long differs = same_file(here, descriptor)) return sys::call(SYS_close, here), differs;
  return here;
}

} // namespace

long control_by_shadow(const Call& call) {
  constexpr int kSetOwner = 15, kGetOwner = 16, kGetHint = 1035, kSetFileHint = 1038; // F_SETOWN_EX .. <linux/fcntl.h>
  switch (const int command = call.number_arg(1)) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return with_structure(call, sizeof(struct flock));
    default:
      if (command == kSetOwner || command == kGetOwner || (command >= kGetHint && command <= kSetFileHint))
        return with_structure(call, 8);
      return shadow_call(SYS_fcntl, call.arg(0), call.arg(1), call.arg(2));
  }
}

long device_by_shadow(const Call& call) {
  const uint64_t bytes = bytes_of_request(static_cast<uint32_t>(call.arg(1)));
  if (call.arg(1) == FIOCLEX || call.arg(1) == FIONCLEX) call.pass();
  return bytes && call.arg(2) ? with_structure(call, bytes)
                              : shadow_call(SYS_ioctl, call.arg(0), call.arg(1), call.arg(2));
}

std::optional<long> open_by_shadow(Call& call) {
  const bool at = call.number() == SYS_openat;
  const char* path = call.pointer<const char>(at ? 1 : 0);
  if (begins_with(path, "/proc/", 6)) return at ? sys_openat(call) : sys_open(call);
  if (!(at && is_remote(call.arg(0))) && !begins_with(path, "/dev/tty", sizeof "/dev/tty")) return std::nullopt;
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = call.arg(i);
  return call_by_shadow(call.number(), a);
}

std::optional<long> map_by_name(const Call& call) {
  if (call.arg(3) & MAP_ANONYMOUS || !is_remote(call.arg(4))) return std::nullopt;
  const bool written = (call.arg(3) & MAP_SHARED) && (call.arg(2) & PROT_WRITE);
  const long here = open_here(call.arg(4), written ? O_RDWR : O_RDONLY);
  if (sys::failed(here)) return here;
  const long mapped = app_call(SYS_mmap, call.arg(0), call.arg(1), call.arg(2), call.arg(3), here, call.arg(5));
  sys::call(SYS_close, here);
  return mapped;
}

std::optional<long> message_by_shadow(const Call& call) {
  if (!is_remote(call.arg(0))) return std::nullopt;
  auto* const message = call.pointer<msghdr>(1);
  const bool sends = call.number() == SYS_sendmsg;
  if (sends && message->msg_controllen) return -EOPNOTSUPP;
  vfd::Transfer transfer;
  msghdr there = *message;
  uint64_t total = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) total += message->msg_iov[i].iov_len;
  there.msg_name = message->msg_name ? transfer.put(message->msg_name, message->msg_namelen) : nullptr;
  there.msg_control = nullptr, there.msg_controllen = 0;
  if (total > transfer.left() - 4096) total = transfer.left() - 4096;
  iovec piece{transfer.take(total), total};
  uint64_t at = 0;
  for (size_t i = 0; sends && i < message->msg_iovlen && at < total; ++i) {
    const iovec& from = message->msg_iov[i];
    const uint64_t bytes = from.iov_len < total - at ? from.iov_len : total - at;
    __builtin_memcpy(static_cast<char*>(piece.iov_base) + at, from.iov_base, bytes);
    at += bytes;
  }
  there.msg_iov = static_cast<iovec*>(transfer.put(&piece, sizeof piece));
  there.msg_iovlen = 1;
  auto* const header = static_cast<msghdr*>(transfer.put(&there, sizeof there));
  const long result = shadow_call(call.number(), call.arg(0), header, call.arg(2));
  if (sends || sys::failed(result)) return result;
  for (size_t i = 0; i < message->msg_iovlen && at < static_cast<uint64_t>(result); ++i) {
    const iovec& to = message->msg_iov[i];
    const uint64_t left = static_cast<uint64_t>(result) - at, bytes = to.iov_len < left ? to.iov_len : left;
    __builtin_memcpy(to.iov_base, static_cast<char*>(piece.iov_base) + at, bytes);
    at += bytes;
  }
  if (message->msg_name) __builtin_memcpy(message->msg_name, there.msg_name, message->msg_namelen);
  message->msg_namelen = header->msg_namelen;
  message->msg_flags = header->msg_flags;
  message->msg_controllen = 0;
  return result;
}

// Programs have a loop of read and write for files where these calls do not work: they are told so.
std::optional<long> copy_by_hand(const Call& call) {
  const bool sendfile = call.number() == SYS_sendfile;
  const uint64_t in = sendfile ? call.arg(1) : call.arg(0), out = sendfile ? call.arg(0) : call.arg(2);
  if (!is_remote(in) && !is_remote(out)) return std::nullopt;
  return call.number() == SYS_copy_file_range ? -EXDEV : -EINVAL;
}

} // namespace sp
