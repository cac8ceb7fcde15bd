// SPDX-License-Identifier: Apache-2.0
#include "spd/segments.hpp"

#include <cerrno>
#include <iterator>
#include <map>
#include <sys/shm.h>

#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/pool.hpp"
#include "spd/spaces.hpp"

namespace sp::spd {

namespace {

struct Place {
  int id;
  uint64_t end;
};
std::map<uint64_t, Place> places; // by their offset in the space

// Numbers and bytes of all segments, also of those that this process may not read.
std::map<int, uint64_t> living_segments() {
  std::map<int, uint64_t> found;
  shm_info info{};
  const int last = shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&info));
  for (int index = 0; index <= last; ++index) {
    shmid_ds about{};
    const int id = shmctl(index, SHM_STAT_ANY, &about);
    if (id >= 0) found[id] = wire::page_up(about.shm_segsz);
  }
  return found;
}

void sweep(NodeId self, const std::map<int, uint64_t>& living) {
  for (auto at = places.begin(); at != places.end();) {
    const auto next = std::next(at);
    if (!living.contains(at->second.id)) {
      empty_pool(self, wire::pool_offset(wire::kSegmentsSpace, at->first), at->second.end - at->first);
      places.erase(at);
    }
    at = next;
  }
}

// The first gap that is large enough.
long claim_place(int id, uint64_t bytes) {
  uint64_t start = 0;
  for (const auto& [offset, place] : places) {
    if (offset - start >= bytes) break;
    start = place.end;
  }
  if (bytes > wire::kSpaceBytes - start) return -ENOMEM;
  places[start] = {id, start + bytes};
  return static_cast<long>(wire::pool_offset(wire::kSegmentsSpace, start));
}

} // namespace

long place_segment(NodeId self, uint64_t id) {
  const auto living = living_segments();
  sweep(self, living);
  const auto segment = living.find(static_cast<int>(id));
  if (segment == living.end()) return -EINVAL;
  for (const auto& [offset, place] : places)
    if (place.id == segment->first) return static_cast<long>(wire::pool_offset(wire::kSegmentsSpace, offset));
  return claim_place(segment->first, segment->second);
}

void sweep_segments(NodeId self) {
  if (!places.empty()) sweep(self, living_segments());
}

} // namespace sp::spd
