// SPDX-License-Identifier: Apache-2.0
// See subprocess_list.hpp.
#include "spctl/subprocess_list.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <optional>
#include <unistd.h>

#include "spctl/message.hpp"

namespace sp::spctl {
namespace {

constexpr size_t kCommandBytesMax = 4096;

std::vector<int32_t> process_numbers() {
  std::vector<int32_t> pids;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return pids;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int32_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) pids.push_back(pid);
  }
  closedir(folder);
  std::sort(pids.begin(), pids.end());
  return pids;
}

// By the list of mappings, which may be readable where the memory is not.
bool maps_control_segment(int32_t pid) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  const std::string start = fmt::format("{:x}-", wire::kControlBase);
  for (std::string line; std::getline(maps, line);)
    if (line.starts_with(start)) return true;
  return false;
}

std::string why_unreadable(int error) {
  if (error == EPERM || error == EACCES)
    return "may not be read by this user; be its user, and see kernel.yama.ptrace_scope in spctl doctor";
  return errno_text(error);
}

std::string command_of(int32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::string text(kCommandBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

bool is_resident(const ControlView& control, int32_t pid) {
  return std::any_of(control.nodes.begin(), control.nodes.end(),
                     [pid](const NodeView& node) { return node.host_pid == pid; });
}

enum class Search { missing, unreadable, found };

Search read_one(int32_t pid, ControlView& view, std::string& why) {
  const auto bytes = read_memory(pid, wire::kControlBase, kControlHeadBytes);
  if (!bytes) {
    if (bytes.error() == EIO || bytes.error() == ENOENT || bytes.error() == ESRCH) return Search::missing;
    why = why_unreadable(bytes.error());
    return maps_control_segment(pid) ? Search::unreadable : Search::missing;
  }
  auto parsed = parse_control(*bytes);
  if (!parsed) {
    why = parsed.error();
    return Search::unreadable;
  }
  view = std::move(*parsed);
  return Search::found;
}

} // namespace

tl::expected<std::vector<std::byte>, int> read_memory(int32_t pid, uint64_t address, size_t bytes) {
  const int memory = open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return tl::unexpected<int>(errno);
  std::vector<std::byte> copy(bytes);
  size_t at = 0;
  int error = 0;
  while (at < bytes) {
    const ssize_t count = pread(memory, copy.data() + at, bytes - at, static_cast<off_t>(address + at));
    if (count <= 0) {
      error = count < 0 ? errno : EIO;
      break;
    }
    at += static_cast<size_t>(count);
  }
  close(memory);
  if (at == 0) return tl::unexpected<int>(error);
  copy.resize(at);
  return copy;
}

tl::expected<ControlView, ReadError> read_control(int32_t pid) {
  ControlView view{};
  std::string why;
  switch (read_one(pid, view, why)) {
    case Search::found: return view;
    case Search::unreadable: return tl::unexpected<ReadError>(fmt::format("process {}: {}", pid, why));
    default:
      if (access(fmt::format("/proc/{}", pid).c_str(), F_OK) != 0)
        return tl::unexpected<ReadError>(
            fmt::format("process {}: there is none; spctl ps lists the SubProcesses", pid));
      return tl::unexpected<ReadError>(
          fmt::format("process {}: not under superproc; spctl ps lists the SubProcesses", pid));
  }
}

std::vector<ThreadView> read_threads(int32_t pid, const ControlView& control) {
  const auto bytes = read_memory(pid, wire::kControlBase + kControlHeadBytes,
                                 size_t{control.thread_high} * sizeof(wire::ThreadRecord));
  return bytes ? parse_threads(*bytes) : std::vector<ThreadView>{};
}

SubProcessList list_subprocesses() {
  SubProcessList list;
  for (const int32_t pid : process_numbers()) {
    ControlView view{};
    std::string why;
    const Search search = read_one(pid, view, why);
    if (search == Search::unreadable) list.unreadable.push_back({pid, why});
    if (search != Search::found) continue;
    if (view.identity.pid != pid && !is_resident(view, pid)) continue; // a child that has not begun yet
    const auto known = std::find_if(list.subprocesses.begin(), list.subprocesses.end(), [&](const SubProcess& other) {
      return other.control.identity.pid == view.identity.pid;
    });
    if (known == list.subprocesses.end()) {
      list.subprocesses.push_back({std::move(view), pid, {pid}, command_of(pid)});
      continue;
    }
    const bool home = pid == view.identity.pid;
    known->resident_pids.insert(home ? known->resident_pids.begin() : known->resident_pids.end(), pid);
    if (home) {
      known->reader_pid = pid;
      known->command = command_of(pid);
    }
  }
  std::sort(list.subprocesses.begin(), list.subprocesses.end(),
            [](const SubProcess& a, const SubProcess& b) { return a.control.identity.pid < b.control.identity.pid; });
  return list;
}

tl::expected<SubProcess, ReadError> find_subprocess(int32_t pid) {
  auto view = read_control(pid);
  if (!view) return tl::unexpected<ReadError>(view.error());
  SubProcess found{std::move(*view), pid, {}, {}};
  const int32_t home = found.control.identity.pid;
  if (home != pid) // prefer home, whose mappings and command line the program knows
    if (auto at_home = read_control(home); at_home && at_home->identity.pid == home) {
      found.control = std::move(*at_home);
      found.reader_pid = home;
    }
  found.resident_pids.push_back(found.reader_pid);
  for (const NodeView& node : found.control.nodes) // host_pid is a claim: it counts when that process says the same
    if (node.host_pid > 0 && node.host_pid != found.reader_pid)
      if (const auto there = read_control(node.host_pid); there && there->identity.pid == home)
        found.resident_pids.push_back(node.host_pid);
  found.command = command_of(found.reader_pid);
  return found;
}

} // namespace sp::spctl
