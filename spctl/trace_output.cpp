// SPDX-License-Identifier: Apache-2.0
// See trace_output.hpp.
#include "spctl/trace_output.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <vector>

#include "spctl/table.hpp"
#include "spctl/trace_text.hpp"

namespace sp::spctl {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kSecond = 1'000'000'000, kMicrosecond = 1000;

std::string dumped(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string seconds_text(int64_t ns) { return fmt::format("{}.{:06}", ns / kSecond, ns % kSecond / kMicrosecond); }

std::string clock_text(int64_t wall_ns) {
  const time_t seconds = wall_ns / kSecond;
  tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                     wall_ns % kSecond / kMicrosecond);
}

class Text : public TraceOutput {
public:
  using TraceOutput::TraceOutput;
  void call(const TraceLine& line) override {
    constexpr size_t kResultColumn = 40; // strace's
    std::string text = call_text(line.call);
    text.resize(std::max(text.size(), kResultColumn), ' ');
    std::string time;
    if (!line.call.begun) time = fmt::format(" <{}>", seconds_text(line.duration_ns));
    write(fmt::format("{} [{}] {} {:<6} {} = {}{}\n", clock_text(line.wall_ns), line.tid, line.call.node,
                      call_route(line.call), text, result_text(line.call), time));
  }
};

class JsonLines : public TraceOutput {
public:
  using TraceOutput::TraceOutput;
  void call(const TraceLine& line) override {
    const TracedCall& call = line.call;
    ordered_json one = {{"time_ns", line.wall_ns},     {"pid", line.pid},           {"tid", line.tid},
                        {"node", call.node},           {"route", call_route(call)}, {"name", call_name(call)},
                        {"arguments", call.arguments}, {"text", call_text(call)}};
    if (!call.begun) {
      one["result"] = call.result;
      one["duration_ns"] = line.duration_ns;
    }
    one["trapped"] = call.trapped;
    write(dumped(one) + "\n");
  }
};

// Chrome's trace event format: complete events, and the names of processes.
class Perfetto : public TraceOutput {
public:
  using TraceOutput::TraceOutput;
  void begin() override { write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":["); }
  void process(int32_t pid, const std::string& command) override {
    add({{"ph", "M"}, {"name", "process_name"}, {"pid", pid}, {"args", {{"name", command}}}});
  }
  void call(const TraceLine& line) override {
    const auto microseconds = [](int64_t ns) { return static_cast<double>(ns) / 1000.0; };
    if (first_ns_ == 0) first_ns_ = line.wall_ns;
    ordered_json one = {{"ph", line.call.begun ? "i" : "X"},
                        {"name", call_name(line.call)},
                        {"cat", call_route(line.call)},
                        {"pid", line.pid},
                        {"tid", line.tid},
                        {"ts", microseconds(line.wall_ns - first_ns_)}};
    if (line.call.begun)
      one["s"] = "t";
    else
      one["dur"] = microseconds(line.duration_ns);
    one["args"] = {{"call", call_text(line.call)}, {"result", result_text(line.call)}, {"node", line.call.node}};
    add(one);
  }
  void end() override { write("\n]}\n"); }

private:
  void add(const ordered_json& event) {
    write((any_ ? ",\n" : "\n") + dumped(event));
    any_ = true;
  }
  bool any_ = false;
  int64_t first_ns_ = 0;
};

class Summary : public TraceOutput {
public:
  using TraceOutput::TraceOutput;
  void call(const TraceLine& line) override {
    Sum& sum = sums_[call_name(line.call)];
    sum.route = call_route(line.call);
    ++sum.calls;
    sum.ns += line.call.begun ? 0 : line.duration_ns;
    if (has_failed(line.call)) ++sum.errors;
  }

  void end() override {
    std::vector<std::pair<std::string, Sum>> sorted(sums_.begin(), sums_.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.ns > b.second.ns; });
    Sum all;
    for (const auto& [name, sum] : sorted) all.ns += sum.ns, all.calls += sum.calls, all.errors += sum.errors;
    Table table({{"% time", Align::right},
                 {"seconds", Align::right},
                 {"usecs/call", Align::right},
                 {"calls", Align::right},
                 {"errors", Align::right},
                 {"route"},
                 {"syscall"}});
    const auto row = [&](const std::string& name, const Sum& sum) {
      const double share = all.ns > 0 ? 100.0 * static_cast<double>(sum.ns) / static_cast<double>(all.ns) : 0;
      table.row({fmt::format("{:.2f}", share), seconds_text(sum.ns),
                 fmt::format("{}", sum.calls > 0 ? sum.ns / kMicrosecond / sum.calls : 0), fmt::format("{}", sum.calls),
                 sum.errors > 0 ? fmt::format("{}", sum.errors) : "", sum.route, name});
    };
    for (const auto& [name, sum] : sorted) row(name, sum);
    row("total", all);
    write(table.text(false));
  }

private:
  struct Sum {
    int64_t ns = 0, calls = 0, errors = 0;
    std::string route;
  };
  std::map<std::string, Sum> sums_;
};

} // namespace

std::unique_ptr<TraceOutput> trace_output(TraceForm form, FILE* file) {
  switch (form) {
    case TraceForm::json: return std::make_unique<JsonLines>(file);
    case TraceForm::perfetto: return std::make_unique<Perfetto>(file);
    case TraceForm::summary: return std::make_unique<Summary>(file);
    default: return std::make_unique<Text>(file);
  }
}

} // namespace sp::spctl
