// SPDX-License-Identifier: Apache-2.0
// Every change of the map is one replace(): a run of records gives way to at most three (what is left of the first, the
// new one, what is left of the last), reusing the records that are there. Before its first write it knows how many
// records it takes, so that a full pool changes nothing.
#include "libsuperproc/memory/vma_map.hpp"

#include <atomic>

#include "libsuperproc/base/ensure.hpp"

namespace sp::memory {
namespace {

using wire::kPageBytes;

constexpr uint32_t kOwnBinTries = 8; // records of the request's own class that are looked at before a larger class is

bool is_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

// Do the attributes that hold from `address` on continue the record, which contains or touches that address?
bool continues(const Vma& record, uint64_t address, const VmaAttributes& attributes) {
  return record.kind == attributes.kind && record.prot == attributes.prot && record.applied == attributes.applied &&
         record.flags == attributes.flags && record.file_id == attributes.file_id &&
         record.attributes(address).file_offset == attributes.file_offset;
}

VmaAttributes moved(VmaAttributes attributes, uint64_t distance) {
  if (has_file_offset(attributes.kind)) attributes.file_offset += distance;
  return attributes;
}

void write(Vma& record, uint64_t start, uint64_t end, const VmaAttributes& attributes) {
  record.start = start;
  record.end = end;
  record.file_offset = attributes.file_offset;
  record.file_id = attributes.file_id;
  record.flags = attributes.flags;
  record.applied = attributes.applied;
  record.prot = attributes.prot;
  record.kind = attributes.kind;
}

// Where in a free record an allocation would begin; 0: it does not fit.
uint64_t fit(const Vma& record, uint64_t bytes, uint64_t alignment) {
  const uint64_t address = (record.start + alignment - 1) & ~(alignment - 1);
  if (address < record.start || address >= record.end || record.end - address < bytes) return 0;
  return address;
}

// The generation is odd while this exists. Writers exclude each other with their lock; this is for readers without one.
class Change {
public:
  explicit Change(VmaMapHeader& header) : generation_(header.generation) {
    generation_.store(generation_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Change() { generation_.store(generation_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  Change(const Change&) = delete;

private:
  std::atomic_ref<uint32_t> generation_;
};

} // namespace

Result<VmaMap> VmaMap::format(void* memory, size_t bytes, uint64_t start, uint64_t end) {
  if (reinterpret_cast<uintptr_t>(memory) % alignof(Vma) != 0) return fail(EINVAL);
  if (bytes < wire::kVmaRecordsOffset + 2 * sizeof(Vma)) return fail(EINVAL);
  if (start == 0 || start >= end || ((start | end) & (kPageBytes - 1)) != 0) return fail(EINVAL);
  const uint64_t capacity = (bytes - wire::kVmaRecordsOffset) / sizeof(Vma) - 1;

  VmaMap map(memory);
  VmaMapHeader& header = map.tree_.header();
  header = VmaMapHeader{};
  header.version = wire::kVmaMapVersion;
  header.record_bytes = sizeof(Vma);
  header.start = start;
  header.end = end;
  header.capacity = capacity < UINT32_MAX ? static_cast<uint32_t>(capacity) : UINT32_MAX - 1;
  map.tree_.at(0) = Vma{};
  write(map.tree_.at(map.tree_.insert_after(0)), start, end, {});
  std::atomic_ref(header.magic).store(wire::kVmaMapMagic, std::memory_order_release); // last: a reader sees all of it
  return map;
}

const Vma& VmaMap::find(uint64_t address) const {
  EXPECT(address >= start() && address < end());
  return tree_.at(tree_.locate(address));
}

bool VmaMap::is_mapped(uint64_t a, uint64_t b) const {
  if (!contains(a, b)) return false;
  for (uint32_t n = tree_.locate(a); n != 0 && tree_.at(n).start < b; n = tree_.at(n).next)
    if (tree_.at(n).kind == VmaKind::free || tree_.at(n).kind == VmaKind::reserved) return false;
  return true;
}

bool VmaMap::is_free(uint64_t a, uint64_t b) const {
  if (!contains(a, b)) return false;
  for (uint32_t n = tree_.locate(a); n != 0 && tree_.at(n).start < b; n = tree_.at(n).next)
    if (tree_.at(n).kind != VmaKind::free) return false;
  return true;
}

// first contains a, last contains b - 1. Returns the record that [a, b) is in afterwards.
Result<uint32_t> VmaMap::replace(uint32_t first, uint32_t last, uint64_t a, uint64_t b, VmaAttributes attributes) {
  if (!has_file_offset(attributes.kind)) attributes.file_offset = 0;
  uint64_t low = a, high = b; // what the new record will cover, its equal neighbours included
  const uint32_t before = tree_.at(first).start < a ? first : tree_.at(first).previous;
  const uint32_t after = tree_.at(last).end > b ? last : tree_.at(last).next;
  if (before != 0 && continues(tree_.at(before), a, attributes)) {
    first = before;
    low = tree_.at(first).start;
  }
  if (after != 0 && continues(tree_.at(after), b, moved(attributes, b - a))) {
    last = after;
    high = tree_.at(last).end;
  }
  attributes = moved(attributes, low - a);

  const bool left_stays = tree_.at(first).start<low, right_stays = tree_.at(last).end> high;
  const uint32_t have = first == last ? 1 : tree_.at(first).next == last ? 2 : 3; // 3: three or more
  const uint32_t need = 1u + left_stays + right_stays;
  if (need > have && need - have > tree_.unused_count()) return fail(ENOMEM);

  Change change(tree_.header());
  const uint64_t right_end = tree_.at(last).end;
  const VmaAttributes right_attributes = tree_.at(last).attributes(high);
  const uint32_t left = left_stays ? first : 0;
  uint32_t right = right_stays && last != left ? last : 0;
  uint32_t middle = 0;
  uint64_t used = tree_.header().used_bytes;
  for (uint32_t n = first, following = 0;; n = following) {
    Vma& record = tree_.at(n);
    following = record.next;
    const bool is_last = n == last;
    if (record.kind != VmaKind::free)
      used -= (record.end < high ? record.end : high) - (record.start > low ? record.start : low);
    bins_.remove(n);
    if (n != left && n != right) {
      if (middle == 0)
        middle = n;
      else
        tree_.erase(n);
    }
    if (is_last) break;
  }
  if (attributes.kind != VmaKind::free) used += high - low;
  tree_.header().used_bytes = used;

  if (middle == 0) middle = tree_.insert_after(left != 0 ? left : tree_.at(right).previous);
  if (right_stays && right == 0) right = tree_.insert_after(middle);
  write(tree_.at(middle), low, high, attributes);
  if (left != 0) {
    tree_.at(left).end = low;
    bins_.add(left);
  }
  if (right != 0) {
    write(tree_.at(right), high, right_end, right_attributes);
    bins_.add(right);
  }
  bins_.add(middle);
  return middle;
}

bool VmaMap::may_split(uint64_t a, uint64_t b) const {
  const uint32_t unused = tree_.unused_count();
  if (unused >= 2) return true;
  return unused >= uint32_t{find(a).start < a} + uint32_t{find(b - 1).end > b};
}

Result<> VmaMap::assign(uint64_t a, uint64_t b, const VmaAttributes& attributes) {
  if (!contains(a, b)) return fail(EINVAL);
  const uint32_t first = tree_.locate(a);
  const uint32_t last = tree_.at(first).end >= b ? first : tree_.locate(b - 1);
  TRY_VOID(replace(first, last, a, b, attributes));
  return {};
}

bool VmaMap::try_extend(uint64_t a, uint64_t old_end, uint64_t new_end) {
  if (!contains(a, old_end) || !is_free(old_end, new_end)) return false;
  const Vma& record = find(old_end - 1);
  if (record.kind == VmaKind::free || record.kind == VmaKind::reserved || record.start > a) return false;
  return assign(old_end, new_end, record.attributes(old_end)).has_value(); // moves a border: takes no record
}

uint32_t VmaMap::find_free(uint64_t bytes, uint64_t alignment) const {
  const uint64_t pages = bytes / kPageBytes;
  const uint32_t own = bins_.bin_of(pages);
  uint32_t tries = kOwnBinTries;
  for (uint32_t n = bins_.head(own); n != 0 && tries != 0; n = tree_.at(n).bin_next, --tries)
    if (fit(tree_.at(n), bytes, alignment) != 0) return n;
  // From here on a record fits by its class alone, wherever its start is.
  const uint32_t enough = bins_.bin_at_least(pages + alignment / kPageBytes - 1);
  const uint32_t bin = bins_.next_filled(enough > own ? enough : own + 1);
  if (bin < wire::kVmaBinCount) return bins_.head(bin);
  const uint32_t top = tree_.header().last;
  return tree_.at(top).kind == VmaKind::free && fit(tree_.at(top), bytes, alignment) != 0 ? top : 0;
}

uint32_t VmaMap::find_free_anywhere(uint64_t bytes, uint64_t alignment) const {
  for (uint32_t n = tree_.header().first; n != 0; n = tree_.at(n).next)
    if (tree_.at(n).kind == VmaKind::free && fit(tree_.at(n), bytes, alignment) != 0) return n;
  return 0;
}

Result<uint64_t> VmaMap::allocate(uint64_t bytes, uint64_t alignment, const VmaAttributes& attributes,
                                  VmaAttributes* former) {
  if (bytes == 0 || bytes % kPageBytes != 0 || !is_power_of_two(alignment) || alignment < kPageBytes)
    return fail(EINVAL);
  if (bytes > end() - start() || alignment > end()) return fail(ENOMEM);
  uint32_t n = 0;
  uint64_t wanted = alignment;
  if (bytes >= kLargePageBytes && alignment < kLargePageBytes) {
    wanted = kLargePageBytes;
    n = find_free(bytes, wanted);
  }
  if (n == 0) n = find_free(bytes, wanted = alignment);
  if (n == 0) n = find_free_anywhere(bytes, alignment);
  if (n == 0) return fail(ENOMEM);
  const uint64_t address = fit(tree_.at(n), bytes, wanted);
  const VmaAttributes freed = tree_.at(n).attributes(address);
  TRY_VOID(replace(n, n, address, address + bytes, attributes));
  if (former != nullptr) *former = freed;
  return address;
}

} // namespace sp::memory
