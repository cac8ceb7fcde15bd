// SPDX-License-Identifier: Apache-2.0
// Mapping the cluster segment, and the node's board where it has one. Whoever is of the node opens both through its keeper
// (/proc/2/fd): the segment is its descriptor kKeeperSegment, the board the one behind the pools'.
//
// A segment is a memfd and begins at 0; or it is a range of memory, a part of /dev/mem, and begins where the keeper's
// descriptor stands. The caller is not told which.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

inline bool is_range_of_memory(long descriptor) {
  struct stat status {};
  return sys::call(SYS_fstat, descriptor, &status) == 0 && S_ISCHR(status.st_mode);
}

// It stands where the segment begins. 0 or -errno.
inline long map_cluster_segment(long descriptor) {
  const auto map = [descriptor](uint64_t address, uint64_t end, uint64_t start) {
    const long at = sys::call(SYS_mmap, address, end - address, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, start + (address - wire::kClusterBase));
    if (sys::failed(at)) return at;
    return at == static_cast<long>(address) ? 0l : -EEXIST;
  };
  if (!is_range_of_memory(descriptor)) return map(wire::kClusterBase, wire::kClusterBase + wire::kClusterBytes, 0);
  // The kernel keeps account of each mapping as a whole: no board over a part of one. And nothing lies behind the records.
  const auto start = static_cast<uint64_t>(sys::call(SYS_lseek, descriptor, 0, SEEK_CUR));
  if (const long failed = map(wire::kClusterBase, wire::kClusterBoard, start)) return failed;
  return map(wire::kMovedBase, wire::kClusterBase + wire::cluster_bytes(wire::moved_count()), start);
}

// This process is one of the board's node from here on; before it there must be nobody who wakes it. 0 or -errno.
inline long have_board(long descriptor) {
  const long at =
      sys::call(SYS_mmap, wire::kClusterBoard, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  if (sys::failed(at)) return at;
  own_board = {reinterpret_cast<wire::Board*>(wire::kClusterBoard),
               reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers), wire::kClusterBase,
               wire::kClusterBase + wire::kClusterBytes};
  return 0;
}

// ---- through the keeper ----

inline long open_of_keeper(int number) {
  Path name;
  name << "/proc/" << wire::kKeeperPid << "/fd/" << number;
  return sys::call(SYS_openat, AT_FDCWD, name.text(), O_RDWR | O_CLOEXEC, 0);
}

// Where the keeper's descriptor stands ("pos:\tNUMBER\n"); a new one of the same file stands at 0.
inline uint64_t position_of_keeper(int number) {
  Path name;
  name << "/proc/" << wire::kKeeperPid << "/fdinfo/" << number;
  char text[64];
  const long file = sys::call(SYS_openat, AT_FDCWD, name.text(), O_RDONLY | O_CLOEXEC, 0);
  const long bytes = sys::call(SYS_read, file, text, sizeof text);
  sys::call(SYS_close, file);
  uint64_t position = 0;
  for (long i = 5; i < bytes && text[i] >= '0' && text[i] <= '9'; ++i)
    position = position * 10 + static_cast<uint64_t>(text[i] - '0');
  return position;
}

// If the cluster has boards. 0 or -errno.
inline long have_board_of_keeper() {
  if (!wire::cluster().has_boards) return 0;
  const long descriptor = open_of_keeper(wire::kKeeperPools + static_cast<int>(wire::cluster().node_count));
  if (sys::failed(descriptor)) return descriptor;
  const long failed = have_board(descriptor);
  sys::call(SYS_close, descriptor);
  return failed;
}

inline long map_cluster_of_keeper() {
  const long descriptor = open_of_keeper(wire::kKeeperSegment);
  if (sys::failed(descriptor)) return descriptor;
  if (is_range_of_memory(descriptor))
    sys::call(SYS_lseek, descriptor, position_of_keeper(wire::kKeeperSegment), SEEK_SET);
  const long failed = map_cluster_segment(descriptor);
  sys::call(SYS_close, descriptor);
  return failed ? failed : have_board_of_keeper();
}

} // namespace sp
