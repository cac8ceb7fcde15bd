// SPDX-License-Identifier: Apache-2.0
// `spctl log`: what the nodes and parents of this user's isolated clusters have said, the oldest first.
#include <csignal>
#include <ctime>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "spctl/event_log.hpp"
#include "spctl/table.hpp"
#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

constexpr useconds_t kLookAgainUs = 100'000;

std::string time_text(int64_t time_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  const time_t seconds = time_ns / kSecond;
  tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  strftime(text, sizeof text, "%F %T", &local);
  return fmt::format("{}.{:03}", text, (time_ns % kSecond + kSecond) % kSecond / 1'000'000);
}

std::string line_of(const EventView& event, Output output) {
  const bool of_node = event.node != wire::kNoNode;
  if (output == Output::table)
    return fmt::format("{} {} {} {}\n", time_text(event.time_ns), event.cluster,
                       of_node ? fmt::format("node {}:", event.node) : "cluster:", event.text);
  nlohmann::ordered_json one = {{"time_ns", event.time_ns}, {"cluster", event.cluster}, {"text", event.text}};
  if (of_node) one["node"] = event.node;
  return one.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace

int log(const LogOptions& options) {
  uint64_t next = 0;
  for (bool first = true;; first = false) {
    const std::vector<EventView> events = read_events(next);
    const size_t left_out =
        first && options.count && *options.count < events.size() ? events.size() - *options.count : 0;
    for (size_t i = left_out; i < events.size(); ++i) print(line_of(events[i], options.output));
    if (!events.empty()) next = events.back().ticket + 1;
    if (!options.follow || ferror(stdout) != 0) return 0;
    usleep(kLookAgainUs);
  }
}

} // namespace sp::spctl
