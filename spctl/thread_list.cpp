// SPDX-License-Identifier: Apache-2.0
// See thread_list.hpp.
#include "spctl/thread_list.hpp"

#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace sp::spctl {
namespace {

int32_t process_of(const ControlView& control, uint32_t node) {
  const int32_t host_pid = node < control.nodes.size() ? control.nodes[node].host_pid : 0;
  return node == control.identity.home_node || host_pid <= 0 ? control.identity.pid : host_pid;
}

std::string printable(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

// /proc/PID/task/TID/stat: "TID (name) state ...", the name may hold anything; times are the 14th and 15th field.
std::optional<ThreadLine> parse_stat(const std::string& text) {
  constexpr int kBetween = 10;
  const size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  std::istringstream rest(text.substr(close + 1));
  ThreadLine line{};
  uint64_t user = 0, system = 0;
  rest >> line.state;
  for (int i = 0; i < kBetween; ++i) {
    std::string skipped;
    rest >> skipped;
  }
  if (!(rest >> user >> system)) return std::nullopt;
  line.cpu_seconds = (user + system) / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  line.name = printable(text.substr(open + 1, close - open - 1));
  return line;
}

} // namespace

std::vector<ThreadLine> list_threads(const SubProcess& subprocess) {
  std::vector<ThreadLine> lines;
  for (const ThreadView& thread : read_threads(subprocess.reader_pid, subprocess.control)) {
    const int32_t process = process_of(subprocess.control, thread.node);
    const int32_t tid = thread_outside(process, subprocess.space, thread.tid);
    std::ifstream file(fmt::format("/proc/{}/task/{}/stat", process, tid));
    std::ostringstream text;
    text << file.rdbuf();
    auto line = parse_stat(text.str());
    if (!line) continue;
    line->tid = tid;
    line->node = thread.node;
    lines.push_back(std::move(*line));
  }
  return lines;
}

} // namespace sp::spctl
