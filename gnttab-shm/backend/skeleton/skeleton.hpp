// SPDX-License-Identifier: Apache-2.0
// The least a new backend must provide: copy this folder, rename the class, and replace the ENOSYS one by one; then add
// the class to the list in tests/backend and make the suite pass.
//
// 1. segments: create, open, map, discard, close. Memory must be coherent, write-back cached, and zeroed at first.
// 2. name: whatever two numbers let the other side open a segment, to be passed through memory that both have already.
//    A first segment must therefore be known by another way: inherited, configured, or from a store (xenstore).
// 3. the bell. sleep() must return at once when *word is no longer `expected`, and must not miss a wake() made after it
//    looked. Where a wake-up cannot name a word (an interrupt), the agent of the sleeper's node wakes its sleepers.
// 4. capabilities: claim only what is true for each pair of nodes. Everything works, more slowly, with none.
//
// What is not provided answers ENOSYS, never something that looks like success.
#pragma once
#include "gnttab-shm/backend/backend.hpp"

namespace sp {

struct SkeletonBell {
  static long sleep(const volatile uint32_t*, uint32_t, int64_t) { return -ENOSYS; }
  static long wake(const volatile uint32_t*, int) { return -ENOSYS; }
};

class SkeletonBackend {
public:
  using BellType = SkeletonBell;
  static constexpr const char* kName = "skeleton";

  Capabilities capabilities() const { return {}; }
  Result<Segment> create(const char*, uint64_t) { return fail(ENOSYS); }
  Result<Segment> open(SegmentName) { return fail(ENOSYS); }
  Result<SegmentName> name(Segment) const { return fail(ENOSYS); }
  Result<Mapping> map(Segment, const MapRequest&) { return fail(ENOSYS); }
  Result<void> unmap(Mapping) { return fail(ENOSYS); }
  Result<void> discard(Segment, uint64_t, uint64_t) { return fail(ENOSYS); }
  Result<void> close(Segment) { return fail(ENOSYS); }
};

static_assert(Backend<SkeletonBackend>);

} // namespace sp
