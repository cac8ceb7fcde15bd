// SPDX-License-Identifier: Apache-2.0
#include "spd/pipe_holders.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace sp::spd {

namespace {

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

Folder open_folder(const char* path) { return {opendir(path), closedir}; }

struct Target {
  char text[32];
  uint64_t pipe() const {
    unsigned long number = 0;
    return sscanf(text, "pipe:[%lu]", &number) == 1 ? number : 0;
  }
  bool is_epoll() const { return strcmp(text, "anon_inode:[eventpoll]") == 0; }
};

Target target_at(int folder, const char* name) {
  Target target{};
  if (readlinkat(folder, name, target.text, sizeof target.text - 1) <= 0) return {};
  return target;
}

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

File open_about(pid_t pid, int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, descriptor);
  return {fopen(path, "re"), fclose};
}

// Neither O_NONBLOCK, packets nor SIGIO: those are the kernel's.
bool is_plain(pid_t pid, int descriptor) {
  const File about = open_about(pid, descriptor);
  unsigned flags = O_NONBLOCK;
  char line[64];
  while (about && fgets(line, sizeof line, about.get()))
    if (sscanf(line, "flags: %o", &flags) == 1) break;
  return (flags & (O_NONBLOCK | O_DIRECT | O_ASYNC | O_PATH)) == 0;
}

// Whoever waits there waits for the kernel's pipe.
bool watches(pid_t pid, int epoll, uint64_t number) {
  const File about = open_about(pid, epoll);
  char line[160];
  unsigned long watched = 0;
  while (about && fgets(line, sizeof line, about.get()))
    if (const char* const at = strstr(line, " ino:"); at && sscanf(at, " ino:%lx", &watched) == 1 && watched == number)
      return true;
  return false;
}

struct Found {
  PipeHolders holders{};
  int readers = 0, writers = 0;
};

// False: it is watched there, or nobody can know.
bool look_at(pid_t pid, uint64_t number, Found& found) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  const Folder folder = open_folder(path);
  if (!folder) return errno == ENOENT || errno == ESRCH;
  while (const dirent* const entry = readdir(folder.get())) {
    struct stat about;
    const Target target = target_at(dirfd(folder.get()), entry->d_name);
    if (target.is_epoll() && watches(pid, atoi(entry->d_name), number)) return false;
    if (target.pipe() != number) continue;
    if (fstatat(dirfd(folder.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const PipeHolder holder{pid, atoi(entry->d_name)};
    if (about.st_mode & S_IRUSR) found.holders.reader = holder, ++found.readers;
    if (about.st_mode & S_IWUSR) found.holders.writer = holder, ++found.writers;
  }
  return true;
}

} // namespace

uint64_t pipe_number(pid_t pid, uint64_t descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, descriptor);
  return target_at(AT_FDCWD, path).pipe();
}

std::optional<PipeHolders> sole_holders(uint64_t number) {
  const Folder processes = open_folder("/proc");
  Found found;
  while (const dirent* const entry = processes ? readdir(processes.get()) : nullptr)
    if (const pid_t pid = atoi(entry->d_name); pid > 0 && (!look_at(pid, number, found) || found.readers > 1 || found.writers > 1))
      return std::nullopt;
  const auto& [reader, writer] = found.holders;
  if (found.readers != 1 || found.writers != 1 || reader.pid == writer.pid) return std::nullopt;
  if (!is_plain(reader.pid, reader.descriptor) || !is_plain(writer.pid, writer.descriptor)) return std::nullopt;
  return found.holders;
}

int open_pipe(const PipeHolder& holder, uint64_t number, int mode) {
  char path[64], own[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", holder.pid, holder.descriptor);
  if (target_at(AT_FDCWD, path).pipe() != number) return -EBADF; // to open what else it may be could do anything
  const int opened = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (opened < 0) return -errno;
  snprintf(own, sizeof own, "/proc/self/fd/%d", opened);
  if (target_at(AT_FDCWD, own).pipe() == number) return opened;
  close(opened);
  return -EBADF;
}

} // namespace sp::spd
