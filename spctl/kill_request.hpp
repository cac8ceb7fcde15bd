// SPDX-License-Identifier: Apache-2.0
// What kill(1) understands: -s SIGNAL, -SIGNAL, -q VALUE, -l, -L, and numbers of processes, negative ones of groups.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace sp::spctl {

struct KillRequest {
  enum class Wish { send, names, table } wish = Wish::send;
  int signal = 15;
  std::optional<int32_t> value;     // for sigqueue
  std::vector<int32_t> targets;     // of send
  std::vector<std::string> signals; // of names
};

tl::expected<KillRequest, std::string> parse_kill(const std::vector<std::string>& arguments);

// "TERM", "SIGTERM", "term", "15", "RTMIN+2"; nothing: there is no such signal. 0 is none, but may be sent.
std::optional<int> signal_number(std::string name);
std::string signal_name(int signal); // "TERM", "RTMIN+2"; "" where there is none

} // namespace sp::spctl
