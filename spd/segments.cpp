// SPDX-License-Identifier: Apache-2.0
#include "spd/segments.hpp"

#include <cerrno>
#include <ctime>
#include <iterator>
#include <map>
#include <sys/shm.h>

#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/pool.hpp"
#include "libsuperproc/wire/segment.hpp"
#include "spd/spaces.hpp"

namespace sp::spd {

namespace {

struct Segment {
  uint64_t bytes;
  uint64_t attached; // how often
};
using Segments = std::map<int, Segment>;

struct Place {
  int id;
  uint64_t end;
  const void* ours = nullptr; // attached by us, who made it
  time_t alone_since = 0;     // nobody else has it; 0: somebody has
};
std::map<uint64_t, Place> places; // by their offset in the space

time_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

// All, also those that this process may not read.
Segments living_segments() {
  Segments found;
  shm_info info{};
  const int last = shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&info));
  for (int index = 0; index <= last; ++index) {
    shmid_ds about{};
    const int id = shmctl(index, SHM_STAT_ANY, &about);
    if (id >= 0) found[id] = {wire::page_up(about.shm_segsz), about.shm_nattch};
  }
  return found;
}

bool is_gone(Place& place, const Segments& living) {
  constexpr time_t kAloneSeconds = 2; // of whole ones, so one at least
  const auto segment = living.find(place.id);
  if (segment == living.end()) return true;
  if (!place.ours || segment->second.attached > 1) return place.alone_since = 0, false;
  if (place.alone_since == 0) place.alone_since = now();
  return now() - place.alone_since >= kAloneSeconds;
}

auto drop(NodeId self, std::map<uint64_t, Place>::iterator at) {
  empty_pool(self, wire::pool_offset(wire::kSegmentsSpace, at->first), at->second.end - at->first);
  if (at->second.ours) shmdt(at->second.ours);
  return places.erase(at);
}

void sweep(NodeId self, const Segments& living) {
  for (auto at = places.begin(); at != places.end();) at = is_gone(at->second, living) ? drop(self, at) : std::next(at);
}

auto find(int id) {
  auto at = places.begin();
  while (at != places.end() && at->second.id != id) ++at;
  return at;
}

// The first gap that is large enough; null: there is none.
Place* claim_place(int id, uint64_t bytes) {
  uint64_t start = 0;
  for (const auto& [offset, place] : places) {
    if (offset - start >= bytes) break;
    start = place.end;
  }
  if (bytes > wire::kSpaceBytes - start) return nullptr;
  return &(places[start] = {id, start + bytes});
}

long place_segment(NodeId self, uint64_t number) {
  const int id = static_cast<int>(number);
  if (const auto known = find(id); known != places.end() && known->second.ours)
    return static_cast<long>(wire::pool_offset(wire::kSegmentsSpace, known->first));
  const Segments living = living_segments();
  sweep(self, living);
  const auto segment = living.find(id);
  if (segment == living.end()) return -EINVAL;
  if (find(id) == places.end() && !claim_place(id, segment->second.bytes)) return -ENOMEM;
  return static_cast<long>(wire::pool_offset(wire::kSegmentsSpace, find(id)->first));
}

// Removed at once, so that it goes with the last one; whoever knows its number can attach it nevertheless.
long make_segment(uint64_t bytes) {
  constexpr int kForAll = 0666; // of the cluster: a program may change its user
  if (bytes == 0 || bytes > wire::kUserEnd) return -EINVAL;
  const int id = shmget(IPC_PRIVATE, wire::kPageBytes, IPC_CREAT | kForAll);
  if (id < 0) return -errno;
  const void* const ours = shmat(id, nullptr, SHM_RDONLY);
  const bool attached = ours != reinterpret_cast<void*>(-1);
  shmctl(id, IPC_RMID, nullptr);
  Place* const place = attached ? claim_place(id, wire::page_up(bytes)) : nullptr;
  if (place) return place->ours = ours, id;
  if (attached) shmdt(ours);
  return -ENOMEM;
}

long let_go(NodeId self, int id) {
  const auto at = find(id);
  shmid_ds about{};
  if (at == places.end() || !at->second.ours || shmctl(id, IPC_STAT, &about) != 0) return -EINVAL;
  if (about.shm_nattch == 1) drop(self, at);
  return 0;
}

} // namespace

long serve_segment(NodeId self, uint64_t number, uint64_t what, uint64_t) {
  switch (static_cast<wire::SegmentRequest>(what)) {
    case wire::SegmentRequest::place: return place_segment(self, number);
    case wire::SegmentRequest::anonymous: return make_segment(number);
    case wire::SegmentRequest::let_go: return let_go(self, static_cast<int>(number));
    default: return -ENOSYS;
  }
}

void sweep_segments(NodeId self) {
  if (!places.empty()) sweep(self, living_segments());
}

} // namespace sp::spd
