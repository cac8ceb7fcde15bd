// SPDX-License-Identifier: Apache-2.0
// The list of address ranges of a shared address space: one window [start, end), every byte of it in exactly one record,
// the free ones too, and neighbours that continue each other merged as Linux merges them. It lies in shared memory
// (wire/vma.hpp); a VmaMap is a view of it and may be copied.
//
// Protocol: the caller holds the address space's lock around every call, and any reference to a record ends with the
// next change. Addresses and lengths are multiples of a page. Nothing is allocated: records come from the pool that
// format() was given, and an operation that would need more than there are fails with ENOMEM before it changes anything.
//
// Why this form: the free records are in bins by size, so that the usual mmap takes the head of a bin, flips its kind and
// looks at its two neighbours in the list: no search at all. The usual munmap is one walk down a tree (vma_tree.hpp).
// Free addresses are records like others because a free range has a state too: which nodes' kernels still map it.
#pragma once
#include <concepts>

#include "libsuperproc/base/result.hpp"
#include "libsuperproc/memory/vma_bins.hpp"
#include "libsuperproc/memory/vma_tree.hpp"
#include "libsuperproc/wire/vma.hpp"

namespace sp::memory {

using wire::VmaAttributes;
using wire::VmaKind;

inline constexpr uint64_t kLargePageBytes = 2ull << 20;

class VmaMap {
public:
  // Makes a map with one free record in `memory` (aligned to 64, zero or not). Only the header and the first record are
  // written: a large pool costs no memory before it is used. EINVAL: a wrong window or too little memory.
  static Result<VmaMap> format(void* memory, size_t bytes, uint64_t start, uint64_t end);
  // A map that format() made, maybe in another process with the same memory.
  explicit VmaMap(void* memory) : tree_(memory), bins_(tree_) {}

  uint64_t start() const { return tree_.header().start; }
  uint64_t end() const { return tree_.header().end; }
  uint64_t used_bytes() const { return tree_.header().used_bytes; } // of records that are not free
  uint32_t count() const { return tree_.header().count; }           // records
  uint32_t unused_count() const { return tree_.unused_count(); }    // ... left in the pool

  // Is [a, b) a range of whole pages in the window?
  bool contains(uint64_t a, uint64_t b) const {
    return a < b && a >= start() && b <= end() && ((a | b) & (wire::kPageBytes - 1)) == 0;
  }

  const Vma& first() const { return tree_.at(tree_.header().first); }
  // The record of any address in the window, page or not.
  const Vma& find(uint64_t address) const;
  const Vma* next(const Vma& record) const { return record.next != 0 ? &tree_.at(record.next) : nullptr; }
  const Vma* previous(const Vma& record) const { return record.previous != 0 ? &tree_.at(record.previous) : nullptr; }

  // fn(const Vma&) for each record that meets [a, b), clipped to it. fn may return false to stop, and changes nothing.
  template <class Fn>
  void each(uint64_t a, uint64_t b, Fn&& fn) const;

  bool is_mapped(uint64_t a, uint64_t b) const; // no byte free or reserved (mprotect, msync, mremap: else ENOMEM)
  bool is_free(uint64_t a, uint64_t b) const;   // every byte free (MAP_FIXED_NOREPLACE: else EEXIST)

  // Takes free addresses for `attributes` and returns the first. `alignment` is a power of two, at least a page; 2 MiB
  // and more get an address for large pages where one is to be had. `former` receives what the free record said (which
  // nodes still map it). Takes from one record only: free neighbours that differ are not joined. ENOMEM: no such
  // addresses, which it knows only after looking at all records, or no record left for the split.
  Result<uint64_t> allocate(uint64_t bytes, uint64_t alignment, const VmaAttributes& attributes,
                            VmaAttributes* former = nullptr);

  // Overwrites whatever [a, b) was: mmap at a fixed address; munmap with kind free. EINVAL, ENOMEM.
  Result<> assign(uint64_t a, uint64_t b, const VmaAttributes& attributes);

  // fn(VmaAttributes&) for each record that meets [a, b), called with what holds from the clipped record's start; what fn
  // leaves there holds for the clipped record. Called once for each. EINVAL; ENOMEM when less than the two records that
  // splitting at a and b may take are left.
  template <class Fn>
  Result<> update(uint64_t a, uint64_t b, Fn&& fn);

  // mremap in place: when [a, old_end) lies in one mapped record and [old_end, new_end) is free, the record grows over it.
  bool try_extend(uint64_t a, uint64_t old_end, uint64_t new_end);

  // Every invariant, of every record: nullptr, or what is wrong. For tests: it looks at everything.
  const char* check() const;

private:
  uint32_t find_free(uint64_t bytes, uint64_t alignment) const;
  uint32_t find_free_anywhere(uint64_t bytes, uint64_t alignment) const;
  Result<uint32_t> replace(uint32_t first, uint32_t last, uint64_t a, uint64_t b, VmaAttributes attributes);
  bool may_split(uint64_t a, uint64_t b) const;
  const char* check_record(uint32_t n, uint32_t previous, uint64_t start) const;
  const char* check_bins(uint32_t expected_count) const;

  static Vma clipped(const Vma& record, uint64_t a, uint64_t b) {
    Vma copy = record;
    copy.start = record.start > a ? record.start : a;
    copy.end = record.end < b ? record.end : b;
    copy.file_offset = record.attributes(copy.start).file_offset;
    copy.parent = copy.child[0] = copy.child[1] = 0;
    copy.previous = copy.next = copy.bin_previous = copy.bin_next = 0;
    return copy;
  }

  VmaTree tree_;
  VmaBins bins_;
};

template <class Fn>
void VmaMap::each(uint64_t a, uint64_t b, Fn&& fn) const {
  if (a < start()) a = start();
  if (b > end()) b = end();
  if (a >= b) return;
  for (const Vma* record = &find(a); record != nullptr && record->start < b; record = next(*record)) {
    const Vma part = clipped(*record, a, b);
    if constexpr (std::same_as<decltype(fn(part)), bool>) {
      if (!fn(part)) return;
    } else {
      fn(part);
    }
  }
}

template <class Fn>
Result<> VmaMap::update(uint64_t a, uint64_t b, Fn&& fn) {
  if (!contains(a, b)) return fail(EINVAL);
  if (!may_split(a, b)) return fail(ENOMEM);
  uint32_t n = tree_.locate(a);
  while (a < b) {
    const uint64_t part_end = tree_.at(n).end < b ? tree_.at(n).end : b;
    VmaAttributes attributes = tree_.at(n).attributes(a);
    const VmaAttributes before = attributes;
    fn(attributes);
    if (attributes != before) {
      TRY(n, replace(n, n, a, part_end, attributes));
    }
    a = part_end;
    // After a merge with its successor the record goes on behind the part, and has what the successor had.
    if (tree_.at(n).end <= a) n = tree_.at(n).next;
  }
  return {};
}

} // namespace sp::memory
