// SPDX-License-Identifier: Apache-2.0
// See descriptor_list.hpp.
#include "spctl/descriptor_list.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "spctl/socket_table.hpp"

namespace sp::spctl {
namespace {

constexpr std::string_view kAnonymous = "anon_inode:";

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string link_text(const std::string& path) {
  char text[4096];
  const ssize_t bytes = readlink(path.c_str(), text, sizeof text);
  return printable({text, bytes > 0 ? static_cast<size_t>(bytes) : 0});
}

std::string whole_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string kind_of(const struct stat& about, const std::string& link) {
  if (link.starts_with(kAnonymous)) { // "anon_inode:[eventfd]", "anon_inode:inotify"
    std::string name = link.substr(kAnonymous.size());
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2);
    return name == "eventpoll" ? "epoll" : name;
  }
  switch (about.st_mode & S_IFMT) {
    case S_IFREG: return link.starts_with("/memfd:") ? "memfd" : "file";
    case S_IFDIR: return "directory";
    case S_IFIFO: return link.starts_with("pipe:") ? "pipe" : "fifo";
    case S_IFCHR: return link.starts_with("/dev/pts/") || link.starts_with("/dev/tty") ? "tty" : "device";
    case S_IFBLK: return "block";
    case S_IFSOCK: return "socket";
    default: return "unknown";
  }
}

bool has_offset(const std::string& kind) {
  return kind == "file" || kind == "directory" || kind == "block" || kind == "memfd";
}

// Those of one process, as far as `wanted` has them.
class Process {
public:
  Process(int32_t pid, uint32_t node, bool is_shadow) : pid_(pid), node_(node), is_shadow_(is_shadow) {}

  template <class Wanted>
  int list(const Wanted& wanted, std::vector<DescriptorLine>& lines) {
    DIR* folder = opendir(fmt::format("/proc/{}/fd", pid_).c_str());
    if (folder == nullptr) return errno;
    while (const dirent* entry = readdir(folder)) {
      const std::string_view name = entry->d_name;
      int32_t number = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
      if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() && wanted(number))
        describe(number, lines);
    }
    closedir(folder);
    return 0;
  }

private:
  void describe(int32_t number, std::vector<DescriptorLine>& lines) {
    const std::string path = fmt::format("/proc/{}/fd/{}", pid_, number);
    struct stat about {};
    const std::string link = link_text(path);
    if (link.empty() || stat(path.c_str(), &about) != 0) return; // closed meanwhile
    DescriptorLine line{number, kind_of(about, link), node_, is_shadow_, link, {}, std::nullopt};
    const DescriptorFacts facts = parse_fdinfo(whole_text(fmt::format("/proc/{}/fdinfo/{}", pid_, number)));
    line.flags = open_flags_text(facts.flags);
    if (has_offset(line.kind)) line.offset = facts.position;
    if (line.kind == "socket") describe_socket(about.st_ino, line);
    lines.push_back(std::move(line));
  }

  void describe_socket(uint64_t inode, DescriptorLine& line) {
    if (!sockets_) sockets_ = SocketTable::read(pid_);
    if (const SocketLine* known = sockets_->find(inode)) {
      line.kind = known->protocol;
      line.what = printable(known->text);
    }
  }

  int32_t pid_;
  uint32_t node_;
  bool is_shadow_;
  std::optional<SocketTable> sockets_; // of its network, read when it has a socket
};

} // namespace

tl::expected<std::vector<DescriptorLine>, int> list_descriptors(const SubProcess& subprocess) {
  const auto& isolated = subprocess.isolated;
  static const std::vector<int32_t> none;
  const bool moved = isolated && isolated->shadow;
  const std::vector<int32_t>& there = moved ? isolated->shadow->descriptors : none;
  const auto at_shadow = [&](int32_t number) { return std::binary_search(there.begin(), there.end(), number); };

  std::vector<DescriptorLine> lines;
  Process own(subprocess.resident_pids.front(), isolated ? isolated->node : subprocess.control.identity.home_node,
              false);
  if (const int error = own.list([&](int32_t number) { return !at_shadow(number); }, lines))
    return tl::unexpected<int>(error);
  if (moved && isolated->shadow->pid > 0)
    (void)Process(isolated->shadow->pid, isolated->shadow->node, true).list(at_shadow, lines);
  std::sort(lines.begin(), lines.end(),
            [](const DescriptorLine& a, const DescriptorLine& b) { return a.number < b.number; });
  return lines;
}

DescriptorFacts parse_fdinfo(const std::string& text) {
  constexpr int kOctal = 8;
  DescriptorFacts facts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t value = line.find_first_not_of(" \t", line.find(':') + 1);
    if (value == std::string::npos) continue;
    const char* end = line.data() + line.size();
    if (line.starts_with("pos:")) std::from_chars(line.data() + value, end, facts.position);
    if (line.starts_with("flags:")) std::from_chars(line.data() + value, end, facts.flags, kOctal);
  }
  return facts;
}

std::string open_flags_text(uint32_t flags) {
  struct Name {
    uint32_t bits;
    const char* name;
  };
  constexpr uint32_t kLargeFile = 0100000; // of every open file here
  constexpr Name kNames[] = {{O_APPEND, "O_APPEND"},       {O_NONBLOCK, "O_NONBLOCK"}, {O_SYNC, "O_SYNC"},
                             {O_DSYNC, "O_DSYNC"},         {O_DIRECT, "O_DIRECT"},     {O_TMPFILE, "O_TMPFILE"},
                             {O_DIRECTORY, "O_DIRECTORY"}, {O_ASYNC, "O_ASYNC"},       {O_NOATIME, "O_NOATIME"},
                             {O_NOFOLLOW, "O_NOFOLLOW"},   {O_PATH, "O_PATH"},         {O_CLOEXEC, "O_CLOEXEC"}};
  const uint32_t access = flags & O_ACCMODE;
  std::string text = access == O_RDONLY   ? "O_RDONLY"
                     : access == O_WRONLY ? "O_WRONLY"
                     : access == O_RDWR   ? "O_RDWR"
                                          : "3";
  uint32_t rest = flags & ~static_cast<uint32_t>(O_ACCMODE) & ~kLargeFile;
  for (const Name& name : kNames)
    if ((rest & name.bits) == name.bits) {
      text += fmt::format("|{}", name.name);
      rest &= ~name.bits;
    }
  if (rest != 0) text += fmt::format("|0{:o}", rest);
  return text;
}

} // namespace sp::spctl
