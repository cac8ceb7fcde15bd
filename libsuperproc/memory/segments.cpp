// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/segments.hpp"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/memory/memory_table.hpp"

namespace sp::memory {

namespace {

Result<> create_segment(uint32_t index, const char* name, uint64_t bytes) {
  TRY(const long fd, from_raw(sys::call(SYS_memfd_create, name, MFD_CLOEXEC)));
  if (fd != static_cast<long>(index)) return fail(EBADF);
  TRY_VOID(from_raw(sys::call(SYS_ftruncate, fd, bytes)));
  return {};
}

// In a space of the pools instead.
Result<> find_segments() {
  const uint32_t space = claim_space(home_node());
  if (space == kNoSpace) return fail(ENOSPC);
  MemoryTable& table = memory_table();
  table.space = space;
  table.image_base = wire::pool_offset(space, 0);
  table.arena_base = wire::pool_offset(space, kArenasInSpace);
  for (auto& resident : wire::cluster().spaces[space].residents) resident.store(0);
  for (auto& ended : wire::cluster().spaces[space].ended) ended.store(0);
  TRY_VOID(from_raw(open_pool(home_node())));
  for (uint32_t n = 0; n < node_count(); ++n) TRY_VOID(from_raw(open_pool({n})));
  return {};
}

} // namespace

Result<> create_segments() {
  if (is_isolated()) return find_segments();
  TRY_VOID(create_segment(kImageSegment, "superproc-image", kImageBytes));
  for (uint32_t n = 0; n < node_count(); ++n) {
    Path name;
    name << "superproc-arena-" << n;
    TRY_VOID(create_segment(n + 1, name.text(), wire::kArenaBytes));
  }
  return {};
}

// Only threads of the home process may look into its descriptor directory once the program has changed its user.
SegmentDescriptor::SegmentDescriptor(uint32_t index, For user)
    : is_home_s_(is_isolated() && !at_home() && user == For::home) {
  const NodeId pool = index == kImageSegment ? home_node() : NodeId{index - 1};
  Path path;
  path << "/proc/self/task/" << memory_table().reaper_tid << "/fd/" << index;
  constexpr int kFlags = O_RDWR | O_CLOEXEC;
  fd_ = is_isolated() && !is_home_s_ ? open_pool(pool)
        : at_home()                  ? sys::call(SYS_openat, AT_FDCWD, path.text(), kFlags)
                    : ask(home_node(), Operation::kernel_call, SYS_openat, AT_FDCWD, path.text(), kFlags);
}
SegmentDescriptor::~SegmentDescriptor() {
  if (fd_ < 0) return;
  if (is_home_s_)
    ask(home_node(), Operation::kernel_call, SYS_close, fd_);
  else
    sys::call(SYS_close, fd_);
}

long map_descriptor(uint64_t start, uint64_t end, int prot, long fd) {
  if (fd == kOwnDescriptor) {
    const SegmentDescriptor own(segment_of(start).index);
    return own.value() < 0 ? own.value() : map_descriptor(start, end, prot, own.value());
  }
  const long at = sys::call(SYS_mmap, start, end - start, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd,
                            segment_of(start).offset);
  return sys::failed(at) ? at : 0;
}

long map_segment(uint64_t start, uint64_t end, int prot) {
  SegmentDescriptor fd(segment_of(start).index);
  if (fd.value() < 0) return fd.value();
  if (const long result = map_descriptor(start, end, prot, fd.value())) return result;
  long first_failure = 0;
  for_other_nodes([&](NodeId node) {
    const long result =
        ask(node, Operation::map_segment, start, end, prot, is_isolated() ? kOwnDescriptor : fd.value());
    if (result && !first_failure) first_failure = result;
  });
  return first_failure;
}

long release_pages(uint64_t start, uint64_t end) {
  const Segment segment = segment_of(start);
  SegmentDescriptor fd(segment.index);
  if (fd.value() < 0) return fd.value();
  return sys::call(SYS_fallocate, fd.value(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, segment.offset, end - start);
}

long release_mapped_pages(uint64_t start, uint64_t end) {
  return sys::call(SYS_madvise, start, end - start, MADV_REMOVE);
}

} // namespace sp::memory
