// SPDX-License-Identifier: Apache-2.0
// A segment: memory that several nodes can map. It is made by one node, named by a SegmentName that another node can
// open (what the number means is the backend's business: a descriptor of a process, a grant reference), and lives until
// nobody has it mapped or open. The pages appear, zeroed, at first touch.
#pragma once
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp {

// This process's own key to an open segment.
using SegmentId = Id<struct SegmentTag, int32_t>;
inline constexpr SegmentId kNoSegment{-1};

struct Segment {
  SegmentId id = kNoSegment;
  uint64_t bytes = 0;
};

// What another process needs to open the same segment.
struct SegmentName {
  HostPid owner{0};
  SegmentId id = kNoSegment;
};

enum class Access { read, read_write, read_write_execute };
enum class Alignment { page, huge_page }; // huge_page: the mapping begins on 2 MiB, and huge pages are asked for
enum class Address {
  any,
  fixed,          // exactly there, an error (EEXIST) if something is mapped there
  fixed_replacing // exactly there, in the place of what is mapped there
};

struct MapRequest {
  uint64_t offset = 0; // into the segment
  uint64_t bytes = 0;
  Address address_rule = Address::any;
  uint64_t address = 0;
  Access access = Access::read_write;
  Alignment alignment = Alignment::page;
};

struct Mapping {
  void* start = nullptr;
  uint64_t bytes = 0;
};

inline constexpr uint64_t kHugePageBytes = 2ull << 20;

} // namespace sp
