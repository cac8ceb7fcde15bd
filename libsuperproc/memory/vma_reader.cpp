// SPDX-License-Identifier: Apache-2.0
// See vma_reader.hpp. Only the list is followed, its length bounded by the header's count and that by the image's size;
// addresses must rise from record to record, so that no cycle goes unnoticed.
#include "libsuperproc/memory/vma_reader.hpp"

#include <cstring>

namespace sp::memory {
namespace {

using wire::Vma;
using wire::VmaMapHeader;

Result<VmaMapHeader> read_header(std::span<const std::byte> image) {
  if (image.size() < wire::kVmaRecordsOffset) return fail(ENODATA);
  VmaMapHeader header;
  std::memcpy(&header, image.data(), sizeof header);
  if (header.magic != wire::kVmaMapMagic || header.version != wire::kVmaMapVersion) return fail(EPROTO);
  if (header.record_bytes != sizeof(Vma)) return fail(EPROTO);
  if (header.generation % 2 != 0) return fail(EAGAIN);
  if (header.start >= header.end || ((header.start | header.end) & (wire::kPageBytes - 1)) != 0) return fail(EPROTO);
  if (header.capacity == 0 || header.high > header.capacity) return fail(EPROTO);
  if (header.count == 0 || header.count > header.high) return fail(EPROTO);
  return header;
}

size_t image_bytes(const VmaMapHeader& header) {
  return wire::kVmaRecordsOffset + (size_t{header.high} + 1) * sizeof(Vma);
}

bool links_are_in_pool(const Vma& record, uint32_t high) {
  for (const uint32_t link : {record.parent, record.child[0], record.child[1], record.previous, record.next,
                              record.bin_previous, record.bin_next})
    if (link > high) return false;
  return true;
}

} // namespace

Result<uint32_t> vma_generation(std::span<const std::byte> image) {
  TRY(const VmaMapHeader header, read_header(image));
  return header.generation;
}

Result<size_t> vma_image_bytes(std::span<const std::byte> image) {
  TRY(const VmaMapHeader header, read_header(image));
  return image_bytes(header);
}

Result<std::vector<Vma>> read_vmas(std::span<const std::byte> image) {
  TRY(const VmaMapHeader header, read_header(image));
  if (image.size() < image_bytes(header)) return fail(ENODATA);
  const std::byte* const records = image.data() + wire::kVmaRecordsOffset;

  std::vector<Vma> result;
  result.reserve(header.count);
  uint64_t address = header.start;
  uint32_t previous = 0;
  for (uint32_t n = header.first; n != 0;) {
    if (n > header.high || result.size() == header.count) return fail(EPROTO);
    Vma record;
    std::memcpy(&record, records + size_t{n} * sizeof(Vma), sizeof record);
    if (record.start != address || record.end <= record.start || record.end > header.end) return fail(EPROTO);
    if ((record.end & (wire::kPageBytes - 1)) != 0 || (record.prot & ~7u) != 0) return fail(EPROTO);
    if (static_cast<uint8_t>(record.kind) >= wire::kVmaKindCount) return fail(EPROTO);
    if (record.previous != previous || !links_are_in_pool(record, header.high)) return fail(EPROTO);
    previous = n;
    n = record.next;
    address = record.end;
    record.parent = record.child[0] = record.child[1] = 0;
    record.previous = record.next = record.bin_previous = record.bin_next = 0;
    result.push_back(record);
  }
  if (address != header.end || previous != header.last || result.size() != header.count) return fail(EPROTO);
  return result;
}

} // namespace sp::memory
