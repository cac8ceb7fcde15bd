// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/remote_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

long same_file(long here, uint64_t there) {
  vfd::Transfer transfer;
  auto* const far = static_cast<struct stat*>(transfer.take(sizeof(struct stat)));
  struct stat near;
  if (const long result = shadow_call(SYS_fstat, there, far); sys::failed(result)) return result;
  if (const long result = sys::call(SYS_fstat, here, &near); sys::failed(result)) return result;
  return near.st_dev == far->st_dev && near.st_ino == far->st_ino ? 0 : -ENODEV;
}

} // namespace

// The same file, opened here by its name. -errno.
long open_here(uint64_t descriptor, int flags) {
  vfd::Transfer transfer;
  Path link;
  link << "/proc/self/fd/" << static_cast<long>(descriptor);
  auto* const name = static_cast<char*>(transfer.take(4096));
  const long bytes = shadow_call(SYS_readlink, transfer.put_text(link.text()), name, 4095);
  if (sys::failed(bytes)) return bytes;
  if (bytes > 4095) return -EIO;
  name[bytes] = 0;
  const long here = sys::call(SYS_openat, AT_FDCWD, name, flags | O_CLOEXEC, 0);
  if (sys::failed(here)) return -ENODEV;
  if (const long differs = same_file(here, descriptor)) return sys::call(SYS_close, here), differs;
  return here;
}

namespace {

// The file's bytes of now, as a private mapping has them until it is written to; what is not read is zero.
long read_into(uint64_t descriptor, uint64_t offset, long start, uint64_t bytes) {
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t a[6] = {descriptor, static_cast<uint64_t>(start) + done, bytes - done, offset + done, 0, 0};
    const long result = call_by_shadow(SYS_pread64, a);
    if (sys::failed(result)) return result;
    if (result == 0) break;
    done += static_cast<uint64_t>(result);
  }
  return 0;
}

// For a file that has no name here.
long map_copy(const Call& call) {
  const uint64_t flags = call.arg(3) | MAP_ANONYMOUS;
  const long start = app_call(SYS_mmap, call.arg(0), call.arg(1), PROT_READ | PROT_WRITE, flags, -1, 0);
  if (sys::failed(start)) return start;
  long failed = read_into(call.arg(4), call.arg(5), start, call.arg(1));
  if (!failed) failed = app_call(SYS_mprotect, start, call.arg(1), call.arg(2));
  if (failed) app_call(SYS_munmap, start, call.arg(1));
  return failed ? failed : start;
}

} // namespace

std::optional<long> map_file_of_home(const Call& call) {
  if (call.arg(3) & MAP_ANONYMOUS || !is_remote(call.arg(4))) return std::nullopt;
  const bool is_private = (call.arg(3) & MAP_TYPE) == MAP_PRIVATE;
  const bool written = !is_private && (call.arg(2) & PROT_WRITE);
  const long here = open_here(call.arg(4), written ? O_RDWR : O_RDONLY);
  if (here == -ENODEV && is_private) return map_copy(call);
  if (sys::failed(here)) return here;
  const long mapped = app_call(SYS_mmap, call.arg(0), call.arg(1), call.arg(2), call.arg(3), here, call.arg(5));
  sys::call(SYS_close, here);
  return mapped;
}

std::optional<long> open_own_process(Call& call) {
  if (call.number() == SYS_open) return sys_open(call);
  if (call.number() == SYS_openat) return sys_openat(call);
  return std::nullopt;
}

long make_pair_at_home(const Call& call) {
  int pair[2];
  const bool sockets = call.number() == SYS_socketpair;
  const int flags = sockets ? call.number_arg(1) : call.number() == SYS_pipe2 ? call.number_arg(1) : 0;
  vfd::Transfer transfer;
  auto* const ends = static_cast<int*>(transfer.take(sizeof pair));
  const long failed = sockets ? shadow_call(SYS_socketpair, call.arg(0), call.arg(1), call.arg(2), ends)
                              : shadow_call(SYS_pipe2, ends, flags);
  if (failed) return failed;
  __builtin_memcpy(pair, ends, sizeof pair);
  if (const long lost = vfd::place_pair(pair, (flags & O_CLOEXEC) != 0)) return lost; // SOCK_CLOEXEC is the same bit
  return vfd::write_program(call.pointer<void>(sockets ? 3 : 0), pair, sizeof pair) ? 0 : -EFAULT;
}

} // namespace sp
