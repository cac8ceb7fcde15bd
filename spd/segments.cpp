// SPDX-License-Identifier: Apache-2.0
#include "spd/segments.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <iterator>
#include <map>
#include <poll.h>
#include <string>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "libsuperproc/base/file_of_memory.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/pool.hpp"
#include "libsuperproc/wire/segment.hpp"
#include "spd/copy_contents.hpp"
#include "spd/parked.hpp"
#include "spd/segment.hpp"
#include "spd/spaces.hpp"

namespace sp::spd {

namespace {

struct Segment {
  uint64_t bytes;
  uint64_t attached; // how often
};
using Segments = std::map<int, Segment>;

struct Holder {
  int descriptor; // pidfd
  pid_t pid;
};

struct Place {
  int id;
  uint64_t end;
  const void* ours = nullptr; // attached by us, who made it
  time_t alone_since = 0;     // nobody else has it; 0: somebody has
  int file = -1;              // whose contents it has
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<Holder> holders = {}; // who maps it without attaching it
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

// Forgets those that are gone.
bool is_held(Place& place) {
  std::erase_if(place.holders, [](const Holder& holder) {
    pollfd process{holder.descriptor, POLLIN, 0};
    return poll(&process, 1, 0) == 1 && close(holder.descriptor) == 0;
  });
  return !place.holders.empty();
}

bool is_gone(Place& place, const Segments& living) {
  constexpr time_t kAloneSeconds = 2; // of whole ones, so one at least
  const auto segment = living.find(place.id);
  if (segment == living.end()) return true;
  if (!place.ours || segment->second.attached > 1 || is_held(place)) return place.alone_since = 0, false;
  if (place.alone_since == 0) place.alone_since = now();
  return now() - place.alone_since >= kAloneSeconds;
}

void save(NodeId self, uint64_t start, const Place& place) {
  struct stat about {};
  if (place.file >= 0 && fstat(place.file, &about) == 0)
    copy_contents(pool_of(self), wire::pool_offset(wire::kSegmentsSpace, start), place.file, 0,
                  static_cast<uint64_t>(about.st_size));
}

auto drop(NodeId self, std::map<uint64_t, Place>::iterator at) {
  const uint64_t offset = wire::pool_offset(wire::kSegmentsSpace, at->first);
  save(self, at->first, at->second);
  if (at->second.file >= 0) close(at->second.file);
  empty_pool(self, offset, at->second.end - at->first);
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

auto find(const struct stat& file) {
  return std::find_if(places.begin(), places.end(), [&](const auto& entry) {
    const Place& place = entry.second;
    return place.file >= 0 && place.device == file.st_dev && place.inode == file.st_ino;
  });
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

// It is the file that the process has under this number, to be written if that may be.
int open_shared_file(pid_t pid, uint64_t descriptor, struct stat& about) {
  const int taken = take_from(pid, descriptor);
  if (taken < 0) return taken;
  if (!is_file_of_memory(taken, about)) return close(taken), -ENODEV;
  const int writable = open(("/proc/self/fd/" + std::to_string(taken)).c_str(), O_RDWR | O_CLOEXEC);
  if (writable < 0) return taken;
  close(taken);
  return writable;
}

long file_segment(NodeId self, pid_t pid, uint64_t descriptor) {
  struct stat about {};
  const int file = open_shared_file(pid, descriptor, about);
  if (file < 0) return file;
  if (const auto known = find(about); known != places.end()) return close(file), known->second.id;
  const bool fits = static_cast<uint64_t>(about.st_size) <= wire::kSharedFileBytes;
  const long id = fits ? make_segment(wire::kSharedFileBytes) : -EFBIG;
  if (id < 0) return close(file), id;
  const auto at = find(static_cast<int>(id));
  at->second.file = file, at->second.device = about.st_dev, at->second.inode = about.st_ino;
  copy_contents(file, 0, pool_of(self), wire::pool_offset(wire::kSegmentsSpace, at->first),
                static_cast<uint64_t>(about.st_size));
  return id;
}

long hold(int id, pid_t pid) {
  const auto at = find(id);
  if (at == places.end() || !at->second.ours) return -EINVAL;
  if (!is_leased(pid)) return -EINVAL;
  const int holder = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (holder < 0) return -errno;
  is_held(at->second);
  at->second.holders.push_back({holder, pid});
  return 0;
}

long let_go(NodeId self, int id) {
  const auto at = find(id);
  shmid_ds about{};
  if (at == places.end() || !at->second.ours || shmctl(id, IPC_STAT, &about) != 0) return -EINVAL;
  if (about.shm_nattch == 1 && !is_held(at->second)) drop(self, at);
  return 0;
}

long save_file(NodeId self, pid_t pid, uint64_t descriptor) {
  struct stat about {};
  const int file = open_shared_file(pid, descriptor, about);
  if (file < 0) return file;
  close(file);
  if (const auto at = find(about); at != places.end()) save(self, at->first, at->second);
  return 0;
}

} // namespace

long serve_segment(NodeId self, uint64_t number, uint64_t what, uint64_t third) {
  switch (static_cast<wire::SegmentRequest>(what)) {
    case wire::SegmentRequest::place: return place_segment(self, number);
    case wire::SegmentRequest::anonymous: return make_segment(number);
    case wire::SegmentRequest::file: return file_segment(self, static_cast<pid_t>(number), third);
    case wire::SegmentRequest::hold: return hold(static_cast<int>(number), static_cast<pid_t>(third));
    case wire::SegmentRequest::let_go: return let_go(self, static_cast<int>(number));
    case wire::SegmentRequest::save: return save_file(self, static_cast<pid_t>(number), third);
    default: return -ENOSYS;
  }
}

void let_go_segments(pid_t pid) {
  for (auto& [offset, place] : places)
    std::erase_if(place.holders,
                  [pid](const Holder& holder) { return holder.pid == pid && close(holder.descriptor) == 0; });
}

void sweep_segments(NodeId self) {
  if (!places.empty()) sweep(self, living_segments());
}

} // namespace sp::spd
