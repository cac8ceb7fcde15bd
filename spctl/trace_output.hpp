// SPDX-License-Identifier: Apache-2.0
// What becomes of traced calls: lines as strace(1) prints them, JSON lines, a file for Perfetto, or a summary.
#pragma once
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "spctl/tool_options.hpp"
#include "spctl/trace_reader.hpp"

namespace sp::spctl {

struct TraceLine {
  int32_t pid, tid; // as they are out here
  int64_t wall_ns;  // since 1970
  int64_t duration_ns;
  const TracedCall& call;
};

class TraceOutput {
public:
  explicit TraceOutput(FILE* file) : file_(file) {}
  TraceOutput(const TraceOutput&) = delete;
  virtual ~TraceOutput() = default;

  virtual void begin() {}
  virtual void process(int32_t, const std::string&) {} // a new one, and its command
  virtual void call(const TraceLine& line) = 0;
  virtual void end() {}
  bool flush() { return fflush(file_) == 0; }

protected:
  void write(const std::string& text) { fwrite(text.data(), 1, text.size(), file_); }

private:
  FILE* file_;
};

std::unique_ptr<TraceOutput> trace_output(TraceForm form, FILE* file);

} // namespace sp::spctl
