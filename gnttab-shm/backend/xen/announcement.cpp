// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/announcement.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "libsuperproc/base/sys.hpp"

namespace sp::xen {

static std::string path_of(GrantRef root) {
  return "/dev/shm/superproc-grant." + std::to_string(getuid()) + "." + std::to_string(root);
}

Result<void> announce(GrantRef root, Announced what) {
  const std::string path = path_of(root);
  unlink(path.c_str()); // of a process that was killed
  TRY(const long opened, from_raw(sys::call(SYS_openat, AT_FDCWD, path.c_str(),
                                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)));
  const Descriptor file(static_cast<int>(opened));
  const int written = dprintf(file.get(), "%d %d %lu\n", getpid(), what.file, what.bytes);
  if (written > 0) return {};
  unlink(path.c_str());
  return fail(ENOSPC);
}

struct Announcement {
  int pid = 0;
  Announced what;
};

static Result<Announcement> read_announcement(GrantRef root) {
  TRY(const long opened,
      from_raw(sys::call(SYS_openat, AT_FDCWD, path_of(root).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)));
  const Descriptor file(static_cast<int>(opened));
  struct stat status {};
  char text[64] = "";
  Announcement found;
  if (fstat(file.get(), &status) || status.st_uid != getuid() || read(file.get(), text, sizeof text - 1) <= 0 ||
      std::sscanf(text, "%d %d %lu", &found.pid, &found.what.file, &found.what.bytes) != 3)
    return fail(EPROTO);
  return found;
}

static bool is_gntalloc(int file) {
  struct stat device {
  }, status{};
  return stat("/dev/xen/gntalloc", &device) == 0 && fstat(file, &status) == 0 && S_ISCHR(status.st_mode) &&
         status.st_rdev == device.st_rdev;
}

Result<Announced> find_announced(GrantRef root) {
  TRY(const Announcement said, read_announcement(root));
  TRY(const long process, from_raw(sys::call(SYS_pidfd_open, said.pid, 0)));
  const Descriptor maker(static_cast<int>(process));
  TRY(const long taken, from_raw(sys::call(SYS_pidfd_getfd, maker.get(), said.what.file, 0)));
  Descriptor file(static_cast<int>(taken));
  if (!is_gntalloc(file.get())) return fail(EPROTO);
  return Announced{file.release(), said.what.bytes};
}

void forget_announced(GrantRef root) {
  const auto said = read_announcement(root);
  if (said && said->pid == getpid()) unlink(path_of(root).c_str());
}

} // namespace sp::xen
