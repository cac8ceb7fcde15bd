// SPDX-License-Identifier: Apache-2.0
// Where ranges lie in this domain's physical space, and which processes still use them.
//
// A domain's own ranges are parts of memory that its kernel was told to leave alone (memmap=SIZE$START on its command
// line), so no process's death gives a page back to the kernel while a peer still has it. Ranges of others lie in holes
// in the upper half of the physical space, above all that Linux puts there by itself, each at a place that none had
// before. Both are mapped by the kernel module, or by /dev/mem, which gives out what is not the kernel's memory.
//
// For each range that lies somewhere there is a record, a small file of this user in /dev/shm. Whoever uses the range
// has the record open and locked (shared), and its mappings keep the lock, so also the dead let go. The next one that
// creates or opens takes away what no process uses; what a peer still has mapped stays until that has let go, too.
// All changes are made under one lock of the folder, which no call that may block is made with.
#pragma once
#include <optional>
#include <span>

#include "gnttab-shm/backend/xen/range_call.hpp"

namespace sp::xen {

struct RangeRecord {
  uint64_t magic = 0;
  uint64_t address = 0;
  uint64_t bytes = 0;      // of the segment
  uint64_t unit_bytes = 0; // of the range
  uint32_t owner = 0;
  uint32_t id = 0;
  uint32_t closed = 0; // by the process that made it: nobody opens it any more
  uint32_t rights = 0;
};

// A range that this process uses, as long as `use` or a mapping of it is open.
struct PlacedRange {
  Descriptor use;
  RangeRecord record;
};

class RangePlace {
public:
  // What the kernel leaves alone for ranges; nothing: the domain was started without.
  struct Reserved {
    uint64_t start = 0, bytes = 0;
  };
  static std::optional<Reserved> reserved();

  // ENOSPC: the reserved memory is full, or there is none.
  static Result<PlacedRange> create(DomainId self, uint64_t bytes, std::span<const xen_address_range_peer> peers);
  static Result<PlacedRange> open(DomainId self, RangeName name);
  // Of a range that this process made: no process and no peer can open it any more; mappings stay.
  static void end(int record_file, const RangeRecord& record);
  // Takes away what nobody uses.
  static void sweep(DomainId self);
};

} // namespace sp::xen
