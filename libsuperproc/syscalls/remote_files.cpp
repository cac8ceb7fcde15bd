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
  if (bytes > 4095) return -EIO;
  name[bytes] = 0;
  const long here = sys::call(SYS_openat, AT_FDCWD, name, flags | O_CLOEXEC, 0);
  if (sys::failed(here)) return -ENODEV;
  if (const long differs = same_file(here, descriptor)) return sys::call(SYS_close, here), differs;
  return here;
}

} // namespace

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

} // namespace sp
