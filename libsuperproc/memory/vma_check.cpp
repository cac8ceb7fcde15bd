// SPDX-License-Identifier: Apache-2.0
// VmaMap::check(): what must always hold, tested record by record without trusting any link. Hosted only.
#include "libsuperproc/memory/vma_map.hpp"

namespace sp::memory {
namespace {

// The next record in the tree's order; 0 at the end, or when the links lead nowhere within `steps`.
uint32_t tree_successor(const VmaTree& tree, uint32_t n, uint32_t steps) {
  if (tree.at(n).child[1] != 0) {
    n = tree.at(n).child[1];
    while (tree.at(n).child[0] != 0 && steps-- != 0) n = tree.at(n).child[0];
    return n;
  }
  while (tree.at(n).parent != 0 && tree.at(tree.at(n).parent).child[1] == n && steps-- != 0) n = tree.at(n).parent;
  return tree.at(n).parent;
}

} // namespace

const char* VmaMap::check_record(uint32_t n, uint32_t previous, uint64_t start) const {
  const VmaMapHeader& h = tree_.header();
  const Vma& record = tree_.at(n);
  if (record.start != start) return "a gap or an overlap";
  if (record.end <= record.start || record.end > h.end) return "a record's end";
  if ((record.end & (wire::kPageBytes - 1)) != 0) return "an end within a page";
  if (record.previous != previous) return "a link to the previous record";
  if (!has_file_offset(record.kind) && record.file_offset != 0) return "a file offset where none belongs";
  if (previous != 0) {
    VmaAttributes expected = tree_.at(previous).attributes(start);
    if (expected == record.attributes()) return "neighbours that should be one record";
  }
  for (const uint32_t link : {record.parent, record.child[0], record.child[1], record.next})
    if (link > h.high) return "a link out of the pool";
  for (const uint32_t child : record.child) {
    if (child == 0) continue;
    if (tree_.at(child).parent != n) return "a child with another parent";
    if (VmaTree::priority(child) > VmaTree::priority(n)) return "priorities out of order";
  }
  if ((record.parent == 0) != (h.root == n)) return "a root that is not the root";
  if (tree_successor(tree_, n, h.count) != record.next) return "tree and list differ";
  if (tree_.locate(record.start) != n || tree_.locate(record.end - 1) != n) return "a record that is not found";
  return nullptr;
}

const char* VmaMap::check_bins(uint32_t expected_count) const {
  const VmaMapHeader& h = tree_.header();
  uint32_t count = 0;
  for (uint32_t bin = 0; bin < wire::kVmaBinCount; ++bin) {
    const bool bit = (h.bin_bitmap[bin / 64] >> (bin % 64) & 1) != 0;
    if (bit != (h.bins[bin] != 0)) return "a bin that differs from the bitmap";
    uint32_t previous = 0;
    for (uint32_t n = h.bins[bin]; n != 0; previous = n, n = tree_.at(n).bin_next) {
      if (n > h.high) return "a bin's link out of the pool";
      if (++count > expected_count) return "too many records in bins";
      if (!bins_.belongs(tree_.at(n))) return "a record in a bin that is not free";
      if (bins_.bin_of(tree_.at(n).bytes() / wire::kPageBytes) != bin) return "a record in a wrong bin";
      if (tree_.at(n).bin_previous != previous) return "a bin's backward link";
    }
  }
  return count == expected_count ? nullptr : "a free record in no bin";
}

const char* VmaMap::check() const {
  const VmaMapHeader& h = tree_.header();
  if (h.magic != wire::kVmaMapMagic || h.version != wire::kVmaMapVersion) return "magic or version";
  if (h.generation % 2 != 0) return "a change that was not finished";
  if (h.high > h.capacity || h.count > h.high || h.count == 0) return "counts";
  uint32_t count = 0, free_count = 0, previous = 0;
  uint64_t used = 0, start = h.start;
  for (uint32_t n = h.first; n != 0; previous = n, n = tree_.at(n).next) {
    if (n > h.high || ++count > h.count) return "a list that leaves the pool or goes round";
    if (const char* reason = check_record(n, previous, start)) return reason;
    start = tree_.at(n).end;
    if (tree_.at(n).kind != VmaKind::free) used += tree_.at(n).bytes();
    free_count += bins_.belongs(tree_.at(n));
  }
  if (start != h.end || previous != h.last) return "a window that is not covered";
  if (count != h.count) return "a wrong count";
  if (used != h.used_bytes) return "wrong used bytes";
  for (uint32_t n = h.unused; n != 0; n = tree_.at(n).next)
    if (n > h.high || ++count > h.high) return "the list of unused records";
  if (count != h.high) return "a lost record";
  return check_bins(free_count);
}

} // namespace sp::memory
