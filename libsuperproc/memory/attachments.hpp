// SPDX-License-Identifier: Apache-2.0
// Segments that this process of an isolated cluster has attached (process/shared_memory.hpp) or mapped
// (process/shared_mapping.hpp): where the program sees them, and where the kernel that counts them has the witness. A
// fork's child has its parent's, a new program none.
#pragma once
#include <atomic>
#include <cstdint>

namespace sp::memory {

enum class AttachedBy : uint32_t {
  shmat,
  mmap,
  mmap_file,
  settled, // process/settled_memory.hpp: it has no place
  parent,  // of a fork's child: in its space, which is held
};
struct Attachment {
  std::atomic<uint32_t> use; // 0: free, 1: somebody fills it or takes it away, 2: attached
  int32_t id, flags;         // shmat's
  AttachedBy by;
  uint32_t is_passed_on; // by mmap: to a fork's child
  uint64_t start, bytes; // by mmap: what is left of it; none: it was moved, and stays as long as the process
  uint64_t witness;      // 0: none
  uint64_t place;        // of its start in the node's pool
  uint64_t file_place;   // by mmap_file: of the file's first byte
  uint64_t device, inode;
  bool writes;     // by mmap_file: it may be written to through this
  bool is_private; // by mmap_file: MAP_PRIVATE
};
inline constexpr uint32_t kAttachmentsMax = 512;
extern constinit Attachment attachments[kAttachmentsMax];
extern constinit std::atomic<uint32_t> attachments_high; // those that have ever been used lie before this one
inline Attachment* attachments_end() { return attachments + attachments_high.load(std::memory_order_relaxed); }

Attachment* claim_attachment(); // null: there are too many
// The one that shmat has put here, taken: to be freed or given back by storing `use`. Null: there is none.
Attachment* take_attachment(uint64_t start);
bool is_witness(uint64_t start);

// In a fork's child of a process with threads on several nodes, while it has that one's tables: its shared anonymous memory.
void inherit_shared_pages();

} // namespace sp::memory
