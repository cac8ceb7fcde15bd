// SPDX-License-Identifier: Apache-2.0
#include "spd/image.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/wire/cluster.hpp"

extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*); // <sys/mount.h> and
extern "C" int umount2(const char*, int);                                                // <linux/mount.h> do not mix

namespace sp::spd {

namespace {

// A folder that every system has. What it hides is needed once more: the node's own /proc, which is bound to the image; an
// ordinary user may not mount one where none can be seen whole (mount_namespaces(7)).
constexpr const char* kRoot = "/proc";
constexpr int kDetach = 2; // MNT_DETACH

bool make_folders(const std::string& path) {
  for (size_t at = std::string_view(kRoot).size(); (at = path.find('/', at + 1)) != std::string::npos;)
    if (mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST) return false;
  return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

bool copy_link(const char* path, const std::string& place) {
  char target[4096];
  const ssize_t bytes = readlink(path, target, sizeof target - 1);
  if (bytes < 0) return false;
  target[bytes] = '\0';
  return symlink(target, place.c_str()) == 0 || errno == EEXIST;
}

// `attributes`: of mount_setattr(2), for all mounts below as well.
bool show(const char* path, uint64_t attributes) {
  const std::string place = std::string(kRoot) + path;
  struct stat about {};
  if (lstat(path, &about) != 0) return errno == ENOENT;
  if (S_ISLNK(about.st_mode)) return copy_link(path, place);
  if (!make_folders(place) || mount(path, place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  mount_attr wanted{};
  wanted.attr_set = attributes;
  return !attributes || syscall(SYS_mount_setattr, AT_FDCWD, place.c_str(), AT_RECURSIVE, &wanted, sizeof wanted) == 0;
}

// Outer folders first: what is mounted later would hide the inner ones.
bool show_image() {
  const std::string list(wire::cluster().image, wire::kImageTextMax);
  for (size_t at = 0; at < list.size() && list[at];) {
    const std::string folder = list.c_str() + at;
    if (folder[0] != '/' || folder.size() > list.size() - at) return errno = EPROTO, false;
    if (!show(folder.c_str(), MOUNT_ATTR_RDONLY)) return false;
    at += folder.size() + 1;
  }
  return true;
}

} // namespace

bool enter_image() {
  const int processes = open(kRoot, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mount("tmpfs", kRoot, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0) return false;
  if (!show_image() || !show("/dev", 0) || !show("/sys", 0)) return false;
  const std::string place = std::string(kRoot) + "/proc";
  if (mkdir(place.c_str(), 0555) != 0 || fchdir(processes) != 0) return false;
  if (mount(".", place.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
  close(processes);
  if (chdir(kRoot) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", kDetach) != 0) return false;
  return chdir("/") == 0;
}

} // namespace sp::spd
