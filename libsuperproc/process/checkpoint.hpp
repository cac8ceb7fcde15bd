// SPDX-License-Identifier: Apache-2.0
// Writes the calling process's address space, with the pages that it has to itself, as a description (wire/image.hpp) that
// another node can rebuild. A small one goes into the record's transfer areas, a larger one into a space of the target's
// pool, which the caller lets go of when it is of no use any more.
//
// It is taken by the process itself, while it runs: what changes on its stack meanwhile is below the frame that the
// restored process goes on with.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/wire/image.hpp"

namespace sp {

struct Entry {
  uint64_t code, stack, arguments[2];
};

struct Checkpoint {
  uint32_t source; // as RestoreRequest has them (spd/restorer/request.hpp)
  uint64_t offset;
  uint32_t space;      // kNoSpace: none was needed
  bool is_mapped;      // pages are mapped from the space: it must be held as long as they are
  uint64_t page_bytes; // written
};

// Errors: ENOTSUP when there is memory that no other node can have; what the kernel says.
Result<Checkpoint> write_checkpoint(uint32_t record, NodeId target, const Entry& entry);

// In a fork's child: it holds the spaces that its memory is mapped from, as its parent does, who waits.
void hold_spaces_as_child();
bool holds_spaces();

// The description of the calling process's residents on other nodes, whose memory is in `space` already, for their spds to
// find in home's pool (wire::kImageHome).
Result<> describe_resident(uint32_t space, const Entry& entry);

} // namespace sp
