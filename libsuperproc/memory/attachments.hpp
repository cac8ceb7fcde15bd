// SPDX-License-Identifier: Apache-2.0
// System V segments that this process of an isolated cluster has attached (process/shared_memory.hpp): where the program
// sees them, and where the kernel that counts them has the witness. A fork's child has its parent's, a new program none.
#pragma once
#include <atomic>
#include <cstdint>

namespace sp::memory {

struct Attachment {
  std::atomic<uint32_t> use; // 0: free, 1: somebody fills it or takes it away, 2: attached
  int32_t id, flags;         // shmat's
  uint64_t start, bytes;
  uint64_t witness; // 0: none
};
inline constexpr uint32_t kAttachmentsMax = 512;
extern constinit Attachment attachments[kAttachmentsMax];

Attachment* claim_attachment(); // null: there are too many
// The one that begins here, taken: to be freed or given back by storing `use`. Null: there is none.
Attachment* take_attachment(uint64_t start);
bool is_witness(uint64_t start);

} // namespace sp::memory
