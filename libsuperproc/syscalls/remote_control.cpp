// SPDX-License-Identifier: Apache-2.0
// fcntl and ioctl on a shadow's descriptor: what they point to depends on the request.
#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

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
  return bytes && call.arg(2) ? with_structure(call, bytes)
                              : shadow_call(SYS_ioctl, call.arg(0), call.arg(1), call.arg(2));
}

} // namespace sp
