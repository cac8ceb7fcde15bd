// SPDX-License-Identifier: Apache-2.0
// Free records by size, so that an allocation finds its addresses without a search: a bin for each size of 1 to 64
// pages, then four size classes for each power of two, and a bitmap of those that hold something. The record freed last
// comes first: its pages and kernel mappings are still hot. The top of the map is in no bin; it is what is left when
// they have nothing.
#pragma once
#include "libsuperproc/memory/vma_tree.hpp"

namespace sp::memory {

class VmaBins {
public:
  explicit VmaBins(VmaTree tree) : tree_(tree) {}

  static uint32_t bin_of(uint64_t pages) { // the class that holds records of this size
    if (pages <= wire::kVmaExactBinCount) return static_cast<uint32_t>(pages) - 1;
    const uint32_t power = 63 - static_cast<uint32_t>(__builtin_clzll(pages));
    const uint32_t quarter = static_cast<uint32_t>(pages >> (power - 2)) & 3;
    return wire::kVmaExactBinCount + (power - 6) * 4 + quarter;
  }
  static uint32_t bin_at_least(uint64_t pages) { // the lowest class of which every record is that large
    if (pages <= wire::kVmaExactBinCount) return static_cast<uint32_t>(pages) - 1;
    const uint32_t power = 63 - static_cast<uint32_t>(__builtin_clzll(pages));
    return bin_of(pages + (1ull << (power - 2)) - 1);
  }

  uint32_t head(uint32_t bin) const { return tree_.header().bins[bin]; }
  // Lowest bin from `bin` on that holds something; kVmaBinCount: none.
  uint32_t next_filled(uint32_t bin) const {
    if (bin >= wire::kVmaBinCount) return wire::kVmaBinCount;
    uint32_t word = bin / 64;
    uint64_t bits = tree_.header().bin_bitmap[word] & (~0ull << (bin % 64));
    while (bits == 0) {
      if (++word == wire::kVmaBinWordCount) return wire::kVmaBinCount;
      bits = tree_.header().bin_bitmap[word];
    }
    return word * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
  }

  bool belongs(const Vma& record) const { return record.kind == wire::VmaKind::free && record.next != 0; }

  void add(uint32_t n) {
    Vma& record = tree_.at(n);
    if (!belongs(record)) return;
    const uint32_t bin = bin_of(record.bytes() / wire::kPageBytes);
    uint32_t& head = tree_.header().bins[bin];
    record.bin_previous = 0;
    record.bin_next = head;
    if (head != 0) tree_.at(head).bin_previous = n;
    head = n;
    tree_.header().bin_bitmap[bin / 64] |= 1ull << (bin % 64);
  }
  // To be called before the record's size, kind or place in the list changes.
  void remove(uint32_t n) {
    Vma& record = tree_.at(n);
    if (!belongs(record)) return;
    const uint32_t bin = bin_of(record.bytes() / wire::kPageBytes);
    if (record.bin_next != 0) tree_.at(record.bin_next).bin_previous = record.bin_previous;
    if (record.bin_previous != 0) {
      tree_.at(record.bin_previous).bin_next = record.bin_next;
    } else {
      tree_.header().bins[bin] = record.bin_next;
      if (record.bin_next == 0) tree_.header().bin_bitmap[bin / 64] &= ~(1ull << (bin % 64));
    }
    record.bin_previous = record.bin_next = 0;
  }

private:
  VmaTree tree_;
};

} // namespace sp::memory
