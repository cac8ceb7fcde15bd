// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/file_elsewhere.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp::memory {

namespace {

// A descriptor for the caller to close, if it is the file; else -errno.
long if_it_is(const FileElsewhere& file, long fd) {
  if (sys::failed(fd)) return fd;
  struct stat status {};
  sys::call(SYS_fstat, fd, &status);
  if (status.st_dev == file.device && status.st_ino == file.inode) return fd;
  sys::call(SYS_close, fd);
  return -ESTALE;
}

// What a line of /proc/self/maps names.
struct NamedPath {
  char text[512];
  uint32_t length = 0;
  explicit NamedPath(const char* line) {
    for (; *line && *line != '\n' && length + 1 < sizeof text; ++line) text[length++] = *line;
    text[length] = 0;
  }
  bool is_deleted() const {
    constexpr char kEnd[] = " (deleted)";
    constexpr uint32_t kEndBytes = sizeof kEnd - 1;
    if (length < kEndBytes) return false;
    for (uint32_t i = 0; i < kEndBytes; ++i)
      if (text[length - kEndBytes + i] != kEnd[i]) return false;
    return true;
  }
};

// Its file system is the one of the folder where it was.
long open_by_handle(const FileElsewhere& file, int flags) {
  if (!file.handle.bytes) return -ENODEV;
  Path folder;
  const char* last = file.path;
  for (const char* at = file.path; *at; ++at)
    if (*at == '/') last = at;
  folder.add(file.path, static_cast<uint32_t>(last - file.path) + 1);
  const long mount = sys::call(SYS_openat, AT_FDCWD, folder.text(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (sys::failed(mount)) return mount;
  const long fd = sys::call(SYS_open_by_handle_at, mount, &file.handle, flags);
  sys::call(SYS_close, mount);
  return if_it_is(file, fd);
}

long open_it(const FileElsewhere& file) {
  const bool writes = (file.flags & MAP_SHARED) && (file.prot & PROT_WRITE);
  const int flags = (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY;
  const long fd = if_it_is(file, sys::call(SYS_openat, AT_FDCWD, file.path, flags, 0));
  if (!sys::failed(fd)) return fd;
  const long by_handle = open_by_handle(file, flags);
  return sys::failed(by_handle) ? -ENODEV : by_handle;
}

} // namespace

long describe_file(FileElsewhere& file, int fd) {
  struct stat status {};
  if (const long result = sys::call(SYS_fstat, fd, &status)) return result;
  file.device = status.st_dev, file.inode = status.st_ino;
  Path name;
  name << "/proc/self/fd/" << fd;
  const long length = sys::call(SYS_readlinkat, AT_FDCWD, name.text(), file.path, sizeof file.path - 1);
  if (sys::failed(length)) return length;
  file.path[length] = 0;
  if (const int node = pool_number(file.path); node >= 0) { // it has no name, but every node's keeper has it
    Path pool;
    pool << "/proc/" << wire::kKeeperPid << "/fd/" << wire::kKeeperPools + node;
    char* to = file.path;
    for (const char* from = pool.text(); (*to = *from) != 0; ++from) ++to;
    return file.handle.bytes = 0;
  }
  int mount = 0;
  file.handle.bytes = sizeof file.handle.text;
  if (sys::call(SYS_name_to_handle_at, fd, "", &file.handle, &mount, AT_EMPTY_PATH)) file.handle.bytes = 0;
  return file.path[0] == '/' ? 0 : -ENODEV;
}

long map_elsewhere(const FileElsewhere& file) {
  const long fd = open_it(file);
  if (sys::failed(fd)) return fd;
  const long at = sys::call(SYS_mmap, file.start, file.bytes, file.prot, file.flags, fd, file.offset);
  sys::call(SYS_close, fd);
  return sys::failed(at) ? at : 0;
}

bool is_common_mapping(const char* line) {
  const NamedPath path(line);
  return path.text[0] == '/' && !path.is_deleted() && is_common_file(path.text);
}

bool is_reachable(const char* line, uint64_t inode) {
  const NamedPath path(line);
  struct stat status {};
  return is_common_mapping(line) && sys::call(SYS_stat, path.text, &status) == 0 && status.st_ino == inode;
}

bool has_path(int fd, int prot, int flags) {
  FileElsewhere file{0, 0, 0, prot, flags, 0, 0, {}, {}};
  if (describe_file(file, fd) || !is_common_file(file.path)) return false;
  const long again = open_it(file);
  if (!sys::failed(again)) sys::call(SYS_close, again);
  return !sys::failed(again);
}

} // namespace sp::memory
