// SPDX-License-Identifier: Apache-2.0
// Calls of a SubProcess as events in a ring, for `spctl trace`, behind its other tables in the control segment. The
// SubProcess writes events, the tracer reads them from outside through /proc/PID/mem and writes there only what is said
// to be its own below. To each side the other's words are input.
//
// On and off: the tracer puts its number into `tracer`, then 1 into the byte InterestWord::traced of every call
// (syscalls/interest.hpp): a byte of its own, so that nothing is lost when the SubProcess changes its interest meanwhile.
// Every call then goes through dispatch, which makes an event of it when it is done; of one that does not return, or runs
// another program, before (kTraceBegun). Off is the other way round.
//
// One event: a ticket from `written`; its slot's `sequence` 0, the event, `sequence` = ticket + 1. The ring does not wait:
// a slow tracer finds a later number than it wants and knows how many were lost; a slot left at 0 by a killed thread is
// lost as well, once a later one is whole.
//
// What if the tracer dies? It writes `heard`, the time stamp counter, whenever it looks. A SubProcess that ends, or runs
// another program, waits for what it wrote to be read, but not for a tracer that has not been heard for kTraceHeardMax;
// one that has not been heard for kTraceGoneMax is gone, and the SubProcess turns itself off. A child that is forked
// goes on with an empty ring if the tracer follows, else is off; the next program of a traced process is on from its start
// (kEnvTraced), under the same tracer's number.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "libsuperproc/wire/control_tables.hpp"

namespace sp::wire {

inline constexpr uint64_t kTraceMagic = 0x3165636172747073; // "sptrace1"
inline constexpr uint32_t kTraceVersion = 1;
inline constexpr uint64_t kTraceTable = kControlBase + 40 * kMegabyte; // what conversion keeps ends at kVmaImage
inline constexpr uint32_t kTraceEventCount = 8192;                     // a power of two
inline constexpr uint32_t kTracePieceCount = 4;
inline constexpr uint32_t kTraceTextBytes = 400;
inline constexpr uint64_t kTraceHeardMax = 1ull << 30; // cycles: a third of a second
inline constexpr uint64_t kTraceGoneMax = 1ull << 34;  // some seconds

struct alignas(64) TraceHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t bytes;                // sizeof(TraceHeader) of the writer
  uint64_t interest;             // address of the table of InterestWord
  std::atomic<uint64_t> written; // tickets given out
  // the tracer's
  alignas(64) std::atomic<int32_t> tracer; // 0: nobody
  std::atomic<uint32_t> follow;            // 1: children, too
  std::atomic<uint64_t> read;              // tickets done with
  std::atomic<uint64_t> heard;             // when it looked last
};

enum TraceFlag : uint8_t {
  kTraceBegun = 1,    // before the call: the result is not known
  kTraceTrapped = 2,  // by Syscall User Dispatch
  kTraceByShadow = 4, // performed on the shadow's node
};

// What an argument pointed to: `bytes` of it are in `text`, those of the first piece first.
struct TracePiece {
  uint8_t argument;
  uint8_t whole; // 0: there was more
  uint16_t bytes;
};

struct alignas(64) TraceEvent {
  std::atomic<uint64_t> sequence;
  uint64_t began, ended; // time stamp counter
  int64_t result;
  uint64_t arguments[6];
  int32_t tid; // as the program knows it
  uint16_t number;
  uint8_t node;
  uint8_t flags; // TraceFlag
  uint32_t piece_count;
  TracePiece pieces[kTracePieceCount];
  char text[kTraceTextBytes];
};
static_assert(sizeof(TraceEvent) == 512 && std::is_standard_layout_v<TraceEvent>);

inline constexpr uint64_t kTraceEvents = kTraceTable + 4096;
static_assert(kTraceTable >= kCpuTimerTable + kMegabyte);
static_assert(kTraceEvents + kTraceEventCount * sizeof(TraceEvent) <= kVmaImage);

inline TraceHeader& trace() { return *reinterpret_cast<TraceHeader*>(kTraceTable); }

// "TRACER:FOLLOW" of a program that is traced from its start.
inline constexpr const char* kEnvTraced = "SUPERPROC_TRACED";

} // namespace sp::wire
