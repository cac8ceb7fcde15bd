// SPDX-License-Identifier: Apache-2.0
#include "spd/pipe_holders.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "spd/unix_peer.hpp"

namespace sp::spd {

namespace {

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

Folder open_folder(const char* path) { return {opendir(path), closedir}; }

struct Target {
  char text[32];
  EndName end() const {
    unsigned long number = 0;
    if (sscanf(text, "pipe:[%lu]", &number) == 1) return number;
    return sscanf(text, "socket:[%lu]", &number) == 1 ? number | kSocket : 0;
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

bool is_inode(unsigned long inode, PipeName name) {
  return inode == (name.reader & ~kSocket) || inode == (name.writer & ~kSocket);
}

// Whoever waits there waits for the kernel's pipe.
bool watches(pid_t pid, int epoll, PipeName name) {
  const File about = open_about(pid, epoll);
  char line[160];
  unsigned long watched = 0;
  while (about && fgets(line, sizeof line, about.get()))
    if (const char* const at = strstr(line, " ino:"); at && sscanf(at, " ino:%lx", &watched) == 1 && is_inode(watched, name))
      return true;
  return false;
}

std::vector<int> own; // sockets

bool is_own(pid_t pid, int descriptor) {
  return pid == getpid() && std::find(own.begin(), own.end(), descriptor) != own.end();
}

struct Found {
  PipeHolders holders{};
  int readers = 0, writers = 0;
};

// False: it is watched there, or nobody can know.
bool look_at(pid_t pid, PipeName name, Found& found) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  const Folder folder = open_folder(path);
  if (!folder) return errno == ENOENT || errno == ESRCH;
  while (const dirent* const entry = readdir(folder.get())) {
    struct stat about;
    const Target target = target_at(dirfd(folder.get()), entry->d_name);
    if (target.is_epoll() && watches(pid, atoi(entry->d_name), name)) return false;
    const EndName end = target.end();
    if ((end != name.reader && end != name.writer) || is_own(pid, atoi(entry->d_name))) continue;
    if (fstatat(dirfd(folder.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const PipeHolder holder{pid, atoi(entry->d_name)};
    if (end == name.reader && about.st_mode & S_IRUSR) found.holders.reader = holder, ++found.readers;
    if (end == name.writer && about.st_mode & S_IWUSR) found.holders.writer = holder, ++found.writers;
  }
  return true;
}

} // namespace

PipeName pipe_name(pid_t pid, uint64_t descriptor, bool writes) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, descriptor);
  const EndName own_end = target_at(AT_FDCWD, path).end();
  if (!(own_end & kSocket)) return {own_end, own_end};
  const EndName peer = unix_peer(static_cast<uint32_t>(own_end));
  if (peer == 0) return {0, 0};
  return writes ? PipeName{peer | kSocket, own_end} : PipeName{own_end, peer | kSocket};
}

std::optional<PipeHolders> sole_holders(PipeName name) {
  const Folder processes = open_folder("/proc");
  Found found;
  while (const dirent* const entry = processes ? readdir(processes.get()) : nullptr)
    if (const pid_t pid = atoi(entry->d_name); pid > 0 && (!look_at(pid, name, found) || found.readers > 1 || found.writers > 1))
      return std::nullopt;
  const auto& [reader, writer] = found.holders;
  if (found.readers != 1 || found.writers != 1 || reader.pid == writer.pid) return std::nullopt;
  if (!is_plain(reader.pid, reader.descriptor) || !is_plain(writer.pid, writer.descriptor)) return std::nullopt;
  return found.holders;
}

namespace {

// To open what else it may be could do anything.
int open_pipe(const PipeHolder& holder, EndName name, int mode) {
  char path[64], opened_path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", holder.pid, holder.descriptor);
  if (target_at(AT_FDCWD, path).end() != name) return -EBADF;
  const int opened = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (opened < 0) return -errno;
  snprintf(opened_path, sizeof opened_path, "/proc/self/fd/%d", opened);
  if (target_at(AT_FDCWD, opened_path).end() == name) return opened;
  close(opened);
  return -EBADF;
}

int open_socket(const PipeHolder& holder, EndName name) {
  const auto process = static_cast<int>(syscall(SYS_pidfd_open, holder.pid, 0));
  if (process < 0) return -errno;
  const auto opened = static_cast<int>(syscall(SYS_pidfd_getfd, process, holder.descriptor, 0));
  const int error = errno;
  close(process);
  if (opened < 0) return -error;
  struct stat about;
  if (fstat(opened, &about) != 0 || !S_ISSOCK(about.st_mode) || about.st_ino != (name & ~kSocket))
    return close(opened), -EBADF;
  own.push_back(opened);
  return opened;
}

} // namespace

int open_end(const PipeHolder& holder, EndName name, int mode) {
  return name & kSocket ? open_socket(holder, name) : open_pipe(holder, name, mode);
}

void close_end(int end) {
  own.erase(std::remove(own.begin(), own.end(), end), own.end());
  close(end);
}

} // namespace sp::spd
