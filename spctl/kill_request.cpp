// SPDX-License-Identifier: Apache-2.0
// See kill_request.hpp.
#include "spctl/kill_request.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fmt/core.h>

namespace sp::spctl {
namespace {

std::optional<int32_t> number_of(const std::string& text) {
  int32_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

class Reader {
public:
  explicit Reader(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  tl::expected<KillRequest, std::string> read() {
    while (at_ < arguments_.size() && problem_.empty()) {
      const std::string& argument = arguments_[at_++];
      if (argument == "--") break;
      if (argument.size() > 1 && argument[0] == '-' && !is_group(argument))
        option(argument);
      else
        operand(argument);
    }
    while (at_ < arguments_.size()) operand(arguments_[at_++]);
    if (problem_.empty() && request_.wish == KillRequest::Wish::send && request_.targets.empty())
      problem_ = "no process is given";
    if (!problem_.empty()) return tl::unexpected<std::string>(problem_);
    return request_;
  }

private:
  bool is_group(const std::string& argument) const { return signal_given_ && number_of(argument).has_value(); }

  void option(const std::string& argument) {
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto value = [&]() -> std::string {
      if (name.starts_with("--") && equals != std::string::npos) return argument.substr(equals + 1);
      if (at_ < arguments_.size()) return arguments_[at_++];
      problem_ = fmt::format("{} wants a value", name);
      return {};
    };
    if (name == "-s" || name == "--signal") return choose(value());
    if (name == "-q" || name == "--queue") return queue(value());
    if (name == "-L" || name == "--table") return void(request_.wish = KillRequest::Wish::table);
    if (name == "-l" || name == "--list") {
      request_.wish = KillRequest::Wish::names;
      if (equals != std::string::npos) request_.signals.push_back(argument.substr(equals + 1));
      return;
    }
    choose(argument.substr(1));
  }

  void choose(const std::string& name) {
    if (!problem_.empty()) return;
    const auto signal = signal_number(name);
    if (!signal) return void(problem_ = fmt::format("{}: there is no such signal or option", name));
    request_.signal = *signal;
    signal_given_ = true;
  }

  void queue(const std::string& text) {
    request_.value = number_of(text);
    if (!request_.value && problem_.empty()) problem_ = fmt::format("{}: not a number", text);
  }

  void operand(const std::string& text) {
    if (request_.wish == KillRequest::Wish::names) return request_.signals.push_back(text);
    const auto number = number_of(text);
    if (!number || *number == 0) // 0 would be spctl's own group
      problem_ = fmt::format("{}: not the number of a process; spctl ps lists the SubProcesses", text);
    else
      request_.targets.push_back(*number);
  }

  const std::vector<std::string>& arguments_;
  size_t at_ = 0;
  bool signal_given_ = false;
  KillRequest request_;
  std::string problem_;
};

} // namespace

tl::expected<KillRequest, std::string> parse_kill(const std::vector<std::string>& arguments) {
  return Reader(arguments).read();
}

std::optional<int> signal_number(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (const auto number = number_of(name))
    return *number >= 0 && *number <= SIGRTMAX ? std::optional<int>(*number) : std::nullopt;
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* known = sigabbrev_np(signal); known != nullptr && name == known) return signal;
  if (name == "IOT") return SIGABRT;
  if (name == "CLD") return SIGCHLD;
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  const std::string offset = name.substr(5);
  if (offset.empty()) return from_first ? SIGRTMIN : SIGRTMAX;
  if (offset[0] != (from_first ? '+' : '-')) return std::nullopt;
  const auto count = number_of(offset.substr(1));
  if (!count || *count < 0 || *count > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return from_first ? SIGRTMIN + *count : SIGRTMAX - *count;
}

std::string signal_name(int signal) {
  if (const char* known = signal > 0 && signal < NSIG ? sigabbrev_np(signal) : nullptr) return known;
  if (signal < SIGRTMIN || signal > SIGRTMAX) return "";
  return signal == SIGRTMIN ? "RTMIN" : fmt::format("RTMIN+{}", signal - SIGRTMIN);
}

} // namespace sp::spctl
