// SPDX-License-Identifier: Apache-2.0
// One traced process: switched on and off, and its events taken, through /proc/PID/mem (wire/trace.hpp has the protocol).
// It outlives programs: after an exec the same process has a new ring.
#pragma once
#include <cstdint>
#include <vector>

#include "spctl/subprocess_list.hpp"
#include "spctl/trace_reader.hpp"

namespace sp::spctl {

enum class Follow : uint32_t { no = 0, children = 1 };

class TraceTarget {
public:
  // Of a process that has a trace table; the error says why it cannot be had.
  static tl::expected<TraceTarget, ReadError> open(int32_t pid);
  TraceTarget(TraceTarget&& other) noexcept;
  TraceTarget& operator=(TraceTarget&&) = delete;
  ~TraceTarget();

  int32_t pid() const { return pid_; }
  int32_t tracer() const { return view_.tracer; }
  uint64_t lost() const { return lost_; }

  bool switch_on(int32_t tracer, Follow follow);
  void switch_off();
  void adopt() { next_ = view_.read; } // one that is on already

  enum class State { goes_on, ended };
  // Appends what is new.
  State take(std::vector<TracedCall>& calls);

private:
  TraceTarget(int32_t pid, int memory) : pid_(pid), memory_(memory) {}
  bool read_header();
  bool read(uint64_t address, void* to, size_t bytes) const;
  bool write(uint64_t address, const void* from, size_t bytes) const;
  void write_interest(uint8_t traced) const;
  void report() const;                                                 // what was read, and that we are there
  bool look_at(const std::byte* slot, std::vector<TracedCall>& calls); // false: it is not whole yet

  int32_t pid_;
  int memory_; // /proc/PID/mem
  TraceView view_{};
  uint64_t next_ = 0; // ticket
  uint64_t lost_ = 0;
  uint32_t waits_ = 0; // for the slot of next_
};

} // namespace sp::spctl
