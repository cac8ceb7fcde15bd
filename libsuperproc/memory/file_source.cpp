// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/file_source.hpp"

#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

namespace {

constexpr uint32_t kCount = 8192;

struct Source {
  std::atomic<uint64_t> left_bytes; // of the copy, in records; 0: unused
  uint64_t copy_start;
  uint64_t start; // at home
};
struct SourceTable {
  std::atomic<uint64_t> next_place; // below kSourceEnd, where the next source is tried
  Source sources[kCount];
};
static_assert(wire::kSourceTable + sizeof(SourceTable) <= wire::kQueueTable);
SourceTable& table() { return *reinterpret_cast<SourceTable*>(wire::kSourceTable); }

template <class... A>
long call_home(long number, A... arguments) {
  if (!is_shared() || at_home()) return sys::call(number, arguments...);
  return ask(home_node(), Operation::kernel_call, number, arguments...);
}

uint64_t next_place(uint64_t bytes) {
  const uint64_t at = table().next_place.fetch_add(bytes) % wire::kSourceBytes;
  return at + bytes <= wire::kSourceBytes ? wire::kSourceBase + at : wire::kSourceBase;
}

// Addresses are used in turn; those that are still in use after a whole round are passed over.
template <class Map>
uint64_t place_source(uint64_t bytes, Map map) {
  for (uint32_t tries = 0; tries < kCount; ++tries) {
    const uint64_t place = next_place(bytes);
    const long at = map(place);
    if (at == static_cast<long>(place)) return place;
    if (at != -EEXIST) return 0;
  }
  return 0;
}

// file_id of an entry that is the caller's now, 0: all are in use.
uint32_t claim(uint64_t copy_start, uint64_t bytes) {
  for (uint32_t i = 0; i < kCount; ++i) {
    Source& source = table().sources[i];
    uint64_t unused = 0;
    if (source.left_bytes.load(std::memory_order_relaxed) || !source.left_bytes.compare_exchange_strong(unused, bytes))
      continue;
    source.copy_start = copy_start;
    return i + 1;
  }
  return 0;
}

Source& source_of(uint32_t file_id) { return table().sources[file_id - 1]; }
uint64_t place_of(const wire::Vma& copy) {
  const Source& source = source_of(copy.file_id);
  return source.start + (copy.start - source.copy_start);
}

uint32_t with_place(uint32_t file_id, uint64_t place) {
  if (!file_id) return 0;
  source_of(file_id).start = place;
  if (!place) source_of(file_id).left_bytes.store(0);
  return place ? file_id : 0;
}

} // namespace

uint32_t keep_source(uint64_t start, uint64_t bytes, long fd, uint64_t offset) {
  constexpr int kFlags = MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
  const uint32_t file_id = claim(start, bytes);
  if (!file_id) return 0;
  return with_place(file_id, place_source(bytes, [&](uint64_t place) {
                      return call_home(SYS_mmap, place, bytes, PROT_READ, kFlags, fd, offset);
                    }));
}

uint32_t keep_mapping_as_source(uint64_t start, uint64_t bytes) {
  const uint32_t file_id = claim(start, bytes);
  if (!file_id) return 0;
  const uint64_t place = next_place(bytes); // nothing is there yet
  const long at = sys::call(SYS_mremap, start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
  if (sys::failed(at)) return with_place(file_id, 0);
  sys::call(SYS_madvise, place, bytes, MADV_DONTNEED);
  sys::call(SYS_mprotect, place, bytes, PROT_READ);
  return with_place(file_id, place);
}

// The kernel reads it, at home, where a read behind the file's end is an error and not a signal.
long read_source(const wire::Vma& copy) {
  SegmentDescriptor fd(segment_of(copy.start).index, SegmentDescriptor::For::home);
  if (fd.value() < 0) return fd.value();
  const uint64_t from = place_of(copy);
  for (uint64_t done = 0; done < copy.bytes();) {
    const long put =
        call_home(SYS_pwrite64, fd.value(), from + done, copy.bytes() - done, segment_of(copy.start + done).offset);
    if (put == -EINTR) continue;
    if (put == -EFAULT) return release_pages(wire::page_up(copy.start + done), copy.end);
    if (put <= 0) return put ? put : -EIO;
    done += static_cast<uint64_t>(put);
  }
  return 0;
}

void drop_source(const wire::Vma& copy) {
  if (!copy.file_id) return;
  call_home(SYS_munmap, place_of(copy), copy.bytes());
  source_of(copy.file_id).left_bytes.fetch_sub(copy.bytes());
}

void drop_all_sources() { sys::call(SYS_munmap, wire::kSourceBase, wire::kSourceBytes); }

} // namespace sp::memory
