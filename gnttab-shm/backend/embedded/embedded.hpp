// SPDX-License-Identifier: Apache-2.0
// The backend of nodes that are address spaces and CPU sets on one Linux: a segment is a memfd, a bell is a futex word.
// A memfd has no name in any file system and goes away with its last user, so a killed cluster leaves nothing behind.
// It is sealed against shrinking (a mapping could die of SIGBUS), growing and further seals, and mode 0600: only
// processes of the same user can open it through /proc.
#pragma once
#include "gnttab-shm/backend/backend.hpp"

namespace sp {

// `isolated` nodes have only memory and doorbells in common, as if each were a kernel of its own (DESIGN.md).
enum class Isolation { none, isolated };

class EmbeddedBackend {
public:
  using BellType = FutexBell;
  static constexpr const char* kName = "embedded";

  explicit EmbeddedBackend(Isolation isolation = Isolation::none) : isolation_(isolation) {}

  Capabilities capabilities() const;
  Result<Segment> create(const char* label, uint64_t bytes);
  Result<Segment> open(SegmentName name);
  Result<SegmentName> name(Segment segment) const;
  Result<Mapping> map(Segment segment, const MapRequest& request);
  Result<void> unmap(Mapping mapping);
  Result<void> discard(Segment segment, uint64_t offset, uint64_t bytes);
  Result<void> close(Segment segment);

private:
  Isolation isolation_;
};

} // namespace sp
