// SPDX-License-Identifier: Apache-2.0
// See lasting_cluster.hpp.
#include "spctl/lasting_cluster.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spctl/runtime_folder.hpp"

namespace sp::spctl {
namespace {

constexpr size_t kFileBytesMax = 512;
constexpr size_t kFileCountMax = 256;
constexpr const char* kTitle = "superproc-cluster 1";

std::string path_of(const std::string& name) { return runtime_folder() + "/" + name; }

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  return lock;
}

bool is_locked(int descriptor) {
  struct flock lock = whole_file();
  return fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool is_the_file_named(int descriptor, const std::string& path) {
  struct stat open_one {
  }, named{};
  return fstat(descriptor, &open_one) == 0 && lstat(path.c_str(), &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

bool parse(const std::string& text, LastingCluster& c) {
  std::istringstream lines(text);
  std::string title;
  if (!std::getline(lines, title) || title != kTitle) return false;
  for (ClusterProcess* process : {&c.guard, &c.parent, &c.first_spd})
    if (!(lines >> process->pid >> process->start) || process->pid <= 1) return false;
  return static_cast<bool>(lines >> c.space);
}

} // namespace

ClusterFile read_cluster_file(const std::string& name) {
  ClusterFile file{name, ClusterFileState::none, {}};
  const int descriptor = open(path_of(name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat about {};
  char text[kFileBytesMax];
  if (descriptor >= 0 && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode)) {
    const ssize_t bytes = pread(descriptor, text, sizeof text, 0);
    const bool complete = parse({text, bytes > 0 ? static_cast<size_t>(bytes) : 0}, file.cluster);
    file.state = !is_locked(descriptor) ? ClusterFileState::stale
                 : complete             ? ClusterFileState::running
                                        : ClusterFileState::starting;
  }
  if (descriptor >= 0) close(descriptor);
  return file;
}

std::vector<ClusterFile> list_cluster_files() {
  std::vector<ClusterFile> files;
  const auto there = check_runtime_folder();
  DIR* const folder = there && *there ? opendir(runtime_folder().c_str()) : nullptr;
  if (folder == nullptr) return files;
  for (const dirent* entry; (entry = readdir(folder)) != nullptr && files.size() < kFileCountMax;)
    if (is_cluster_name(entry->d_name)) files.push_back(read_cluster_file(entry->d_name));
  closedir(folder);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

tl::expected<int, Refusal> new_cluster_file(const std::string& name) {
  const std::string path = path_of(name);
  const auto refused = [&](const std::string& text) {
    return tl::unexpected<Refusal>(Refusal{kExitOwnError, fmt::format("{}: {}", path, text)});
  };
  for (int attempt = 0; attempt < 100; ++attempt) { // a guard may remove it, and the folder, at any moment
    if (const auto made = make_runtime_folder(); !made) return tl::unexpected<Refusal>(made.error());
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0 && errno == ENOENT) continue;
    if (descriptor < 0) return refused(errno_text(errno));
    struct flock lock = whole_file();
    if (fcntl(descriptor, F_OFD_SETLK, &lock) != 0) {
      close(descriptor);
      return tl::unexpected<Refusal>(
          Refusal{kExitOwnError, fmt::format("cluster {} runs already; end it with spctl down {}, or give another "
                                             "--name",
                                             name, name)});
    }
    if (is_the_file_named(descriptor, path) && ftruncate(descriptor, 0) == 0) return descriptor;
    close(descriptor);
  }
  return refused("comes and goes; try again");
}

bool write_cluster_file(int descriptor, const LastingCluster& c) {
  std::string text = fmt::format("{}\n", kTitle);
  for (const ClusterProcess& process : {c.guard, c.parent, c.first_spd})
    text += fmt::format("{} {}\n", process.pid, process.start);
  text += fmt::format("{}\n", c.space);
  return pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

void remove_cluster_file(const std::string& name, int descriptor) {
  const std::string path = path_of(name);
  if (is_the_file_named(descriptor, path)) unlink(path.c_str());
  rmdir(runtime_folder().c_str());
}

std::optional<ClusterProcess> process_now(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  std::istringstream words(line.substr(line.rfind(')') + 1)); // field 3 and on; the start is field 22
  std::string word;
  for (int field = 3; field <= 22; ++field)
    if (!(words >> word)) return std::nullopt;
  return ClusterProcess{pid, std::stoull(word)};
}

int open_process(const ClusterProcess& process) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
  const auto now = process_now(process.pid);
  if (descriptor >= 0 && now && now->start == process.start) return descriptor;
  if (descriptor >= 0) close(descriptor);
  return -1;
}

} // namespace sp::spctl
