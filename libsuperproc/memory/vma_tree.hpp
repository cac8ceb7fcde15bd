// SPDX-License-Identifier: Apache-2.0
// The records of a VmaMap as a fixed pool, as a list in the order of addresses, and as a search tree over it.
//
// The tree is a treap: a record's priority is a hash of its index, so it needs no memory and no colours, and its expected
// depth is that of a random tree (about 2 ln n; the worst in practice is near twice that). Parent links make insertion
// beside a known record and removal of a known record a matter of about two rotations, without a walk: only look-up by
// address walks. A change of a record's borders that keeps the order does not touch the tree at all; most operations of
// the map are of that kind. A B-tree would have fewer levels, but must move records, and then nothing could point to one.
#pragma once
#include "libsuperproc/wire/vma.hpp"

namespace sp::memory {

using wire::Vma;
using wire::VmaMapHeader;

class VmaTree {
public:
  explicit VmaTree(void* memory)
      : header_(static_cast<VmaMapHeader*>(memory)),
        records_(reinterpret_cast<Vma*>(static_cast<char*>(memory) + wire::kVmaRecordsOffset)) {}

  VmaMapHeader& header() const { return *header_; }
  Vma& at(uint32_t index) const { return records_[index]; }
  uint32_t index_of(const Vma& record) const { return static_cast<uint32_t>(&record - records_); }
  uint32_t unused_count() const { return header_->capacity - header_->count; }

  // The record that contains the address; the address is in the window.
  uint32_t locate(uint64_t address) const {
    uint32_t best = 0;
    for (uint32_t n = header_->root; n != 0;) { // always to a leaf: no branch that depends on the address
      const bool higher = address >= at(n).start;
      best = higher ? n : best;
      n = at(n).child[higher];
    }
    return best;
  }

  // Takes a record from the pool, which has one, and puts it behind `before` (0: in front) in list and tree. Its other
  // fields are the caller's to fill.
  uint32_t insert_after(uint32_t before);
  // Takes a record out of list and tree and gives it back to the pool.
  void erase(uint32_t n);

  static constexpr uint32_t priority(uint32_t index) {
    uint32_t h = index * 0x9e3779b1u; // each step is invertible: no two records are equal
    h = (h ^ (h >> 15)) * 0x85ebca77u;
    return h ^ (h >> 13);
  }

private:
  void replace_child(uint32_t parent, uint32_t old_child, uint32_t new_child);
  void rotate_up(uint32_t n);

  VmaMapHeader* header_;
  Vma* records_;
};

} // namespace sp::memory
