// SPDX-License-Identifier: Apache-2.0
// Mapping the cluster segment, and the node's board where it has one. Whoever is of the node opens both through its keeper
// (/proc/2/fd): the segment is its descriptor kKeeperSegment, the board the one behind the pools'.
//
// Each is a file that begins at 0: a memfd, or one of gnttab-shm/module, which is as long as there are records.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

// 0 or -errno.
inline long map_cluster_segment(long descriptor) {
  const long at = sys::call(SYS_mmap, wire::kClusterBase, wire::kClusterBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, 0);
  if (sys::failed(at)) return at;
  return at == static_cast<long>(wire::kClusterBase) ? 0 : -EEXIST;
}

// This process is one of the board's node from here on; before it there must be nobody who wakes it. 0 or -errno.
inline long have_board(long descriptor) {
  const long at =
      sys::call(SYS_mmap, wire::kClusterBoard, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  if (sys::failed(at)) return at;
  own_board = {reinterpret_cast<wire::Board*>(wire::kClusterBoard),
               reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers)};
  return 0;
}

// ---- through the keeper ----

inline long open_of_keeper(int number) {
  Path name;
  name << "/proc/" << wire::kKeeperPid << "/fd/" << number;
  return sys::call(SYS_openat, AT_FDCWD, name.text(), O_RDWR | O_CLOEXEC, 0);
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
  const long failed = map_cluster_segment(descriptor);
  sys::call(SYS_close, descriptor);
  return failed ? failed : have_board_of_keeper();
}

} // namespace sp
