// SPDX-License-Identifier: Apache-2.0
// What a tool says about a ring that it sees through a read-only view, while both nodes go on using it (hosted only).
#pragma once
#include <cstddef>
#include <span>

#include "gnttab-shm/wire_ring.hpp"
#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

struct RingReport {
  NodeId source, target;
  uint32_t slot_count;
  uint32_t free_count, waiting_count, taken_count, done_count; // slots now; they need not add up, things move
  uint64_t taken_total, full_total, reclaimed_total, malformed_total;
  int fenced_errno;
};

// Errors: EPROTO it is not a ring of this version, or does not fit into the bytes.
Result<RingReport> report_ring(std::span<const std::byte> memory);

} // namespace sp
