// SPDX-License-Identifier: Apache-2.0
// What NodeOperation::place_segment asks for; its first argument is a number, its second one of these.
#pragma once
#include <cstdint>

namespace sp::wire {

enum class SegmentRequest : uint64_t {
  place,     // number of a segment -> its offset in the node's pool
  anonymous, // bytes -> number of a new segment for shared anonymous memory
  file,      // process, -, its descriptor -> number of the segment that has the contents of this file of memory
  hold,      // number, -, process: it maps the segment without a witness
  let_go,    // number: who asks is the last that has it
  save,      // process, -, its descriptor: if that file has a segment, the file gets what that holds now
};

// So much of a pool is kept for a file of memory, since it may grow.
inline constexpr uint64_t kSharedFileBytes = 64ull << 30;

} // namespace sp::wire
