// SPDX-License-Identifier: Apache-2.0
// Files that are memory of their kernel's and of no disk, so that no other node finds them by a name: those of /dev/shm, and of
// any tmpfs that may be sealed, which are the memfds made to be shown to others. (One that may not is its maker's own mostly, to
// map its memory twice; it stays the kernel's, with all that belongs to a file, SIGBUS behind its end included.)
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "libsuperproc/base/sys.hpp"

namespace sp {

inline bool is_file_of_memory(long descriptor, struct stat& about) {
  constexpr long kTmpfs = 0x01021994; // <linux/magic.h>
  struct stat folder {};
  struct statfs system {};
  if (sys::call(SYS_fstat, descriptor, &about) != 0 || !S_ISREG(about.st_mode)) return false;
  if (sys::call(SYS_stat, "/dev/shm", &folder) == 0 && about.st_dev == folder.st_dev) return true;
  return about.st_nlink == 0 && sys::call(SYS_fcntl, descriptor, F_GET_SEALS) != F_SEAL_SEAL &&
         sys::call(SYS_fstatfs, descriptor, &system) == 0 && system.f_type == kTmpfs;
}

} // namespace sp
