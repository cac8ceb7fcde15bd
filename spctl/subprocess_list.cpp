// SPDX-License-Identifier: Apache-2.0
// See subprocess_list.hpp.
#include "spctl/subprocess_list.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "spctl/message.hpp"

namespace sp::spctl {
namespace {

constexpr size_t kCommandBytesMax = 4096;

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

// Once its stack is in a segment the kernel does not show the command line: it is read where the kernel says that it is.
std::string command_in_memory(int32_t pid) {
  constexpr int kBetween = 45; // the state to the field before arg_start
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text, skipped;
  std::getline(file, text);
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  for (int i = 0; i < kBetween; ++i) rest >> skipped;
  uint64_t start = 0, end = 0;
  if (!(rest >> start >> end) || end <= start) return {};
  const auto bytes = read_memory(pid, start, std::min<uint64_t>(end - start, kCommandBytesMax));
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : std::string();
}

std::string command_of(int32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::string text(kCommandBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.empty()) text = command_in_memory(pid);
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
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

// ---- numbers, as they are out here ----

struct Machine {
  NumberTable numbers = NumberTable::read();
  ClusterList isolated = list_clusters(numbers);
};

bool is_own(const ControlView& view, int32_t inside) { // not a child's that has not begun yet
  return view.identity.pid == inside || std::any_of(view.nodes.begin(), view.nodes.end(),
                                                    [&](const NodeView& node) { return node.host_pid == inside; });
}

// The first SubProcess may be on another node; 0: it has ended.
int32_t superprocess_outside(const Machine& machine, const Place& place, int32_t inside) {
  const auto& nodes = place.cluster->view.nodes;
  for (uint32_t n = 0; n < nodes.size(); ++n)
    if (inside >= nodes[n].first_pid && inside < nodes[n].end_pid)
      return machine.numbers.outside(place.cluster->nodes[n].space, inside);
  return 0;
}

void translate(ControlView& view, const Machine& machine, const Numbers& reader) {
  if (reader.space == 0) return;
  const auto outside = [&](int32_t inside) { return machine.numbers.outside(reader.space, inside); };
  const int32_t home = outside(view.identity.pid);
  const Place place = place_of(machine.isolated.clusters, reader.space);
  view.identity.pid = home != 0 ? home : reader.outside;
  view.identity.superprocess = place.cluster ? superprocess_outside(machine, place, view.identity.superprocess)
                                             : outside(view.identity.superprocess);
  for (NodeView& node : view.nodes) {
    node.host_pid = outside(node.host_pid);
    node.agent_tid = thread_outside(node.host_pid, reader.space, node.agent_tid);
  }
}

std::optional<Isolated> isolated_part(const Machine& machine, const Numbers& process) {
  const Place place = place_of(machine.isolated.clusters, process.space);
  if (place.cluster == nullptr) return std::nullopt;
  Isolated part{place.cluster->number(), place.node, process.inside, std::nullopt};
  for (const MovedView& moved : place.cluster->moved)
    if (moved.body_node == place.node && moved.pid == process.inside)
      part.shadow = Shadow{
          moved.shadow_node, machine.numbers.outside(place.cluster->nodes[moved.shadow_node].space, moved.shadow_pid),
          parse_descriptors(read_segment(*place.cluster, descriptors_offset(moved.record), wire::kVfdCountMax))};
  return part;
}

// It is about to become one: its body is on another node already.
bool is_shadow(const Machine& machine, const Numbers& process) {
  const Place place = place_of(machine.isolated.clusters, process.space);
  return place.cluster &&
         std::any_of(place.cluster->moved.begin(), place.cluster->moved.end(),
                     [&](const MovedView& m) { return m.shadow_node == place.node && m.shadow_pid == process.inside; });
}

SubProcess describe(ControlView view, const Machine& machine, const Numbers& reader) {
  translate(view, machine, reader);
  Numbers home = machine.numbers.of(view.identity.pid);
  if (home.space != reader.space) home = reader;
  return {std::move(view),  reader.outside,
          {reader.outside}, command_of(reader.outside),
          reader.space,     isolated_part(machine, home)};
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
  Machine machine;
  SubProcessList list;
  for (const Numbers& process : machine.numbers.all()) {
    ControlView view{};
    std::string why;
    const int32_t pid = process.outside;
    const Search search = read_one(pid, view, why);
    if (search == Search::unreadable) list.unreadable.push_back({pid, why});
    if (search != Search::found || !is_own(view, process.inside) || is_shadow(machine, process)) continue;
    SubProcess found = describe(std::move(view), machine, process);
    const auto known = std::find_if(list.subprocesses.begin(), list.subprocesses.end(), [&](const SubProcess& other) {
      return other.control.identity.pid == found.control.identity.pid;
    });
    if (known == list.subprocesses.end()) {
      list.subprocesses.push_back(std::move(found));
      continue;
    }
    const bool home = pid == found.control.identity.pid;
    known->resident_pids.insert(home ? known->resident_pids.begin() : known->resident_pids.end(), pid);
    if (home) {
      known->reader_pid = pid;
      known->command = std::move(found.command);
    }
  }
  std::sort(list.subprocesses.begin(), list.subprocesses.end(),
            [](const SubProcess& a, const SubProcess& b) { return a.control.identity.pid < b.control.identity.pid; });
  list.unreadable.insert(list.unreadable.end(), machine.isolated.unreadable.begin(), machine.isolated.unreadable.end());
  list.clusters = std::move(machine.isolated.clusters);
  return list;
}

tl::expected<SubProcess, ReadError> find_subprocess(int32_t pid) {
  auto view = read_control(pid);
  if (!view) return tl::unexpected<ReadError>(view.error());
  const Machine machine;
  SubProcess found = describe(std::move(*view), machine, machine.numbers.of(pid));
  const int32_t home = found.control.identity.pid;
  // host_pid and identity are claims: they count when that process says the same
  const auto read_other = [&](int32_t other) -> std::optional<SubProcess> {
    auto there = read_control(other);
    if (!there) return std::nullopt;
    SubProcess described = describe(std::move(*there), machine, machine.numbers.of(other));
    if (described.control.identity.pid != home) return std::nullopt;
    return described;
  };
  if (home != pid) // prefer home, whose mappings and command line the program knows
    if (auto at_home = read_other(home)) found = std::move(*at_home);
  for (const NodeView& node : found.control.nodes)
    if (node.host_pid > 0 && node.host_pid != found.reader_pid && read_other(node.host_pid))
      found.resident_pids.push_back(node.host_pid);
  return found;
}

} // namespace sp::spctl
