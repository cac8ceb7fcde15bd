// SPDX-License-Identifier: Apache-2.0
// sp-bench-message [--quick]: one request and its answer over a ring and a doorbell, in us. In an isolated cluster from this
// process to the daemon of the other node, which refuses it; natively between two threads, over the same code.
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <sys/mman.h>
#include <thread>

#include "bench/windows.h"
#include "gnttab-shm/node_queue.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace {

using namespace sp;

constexpr int kTripsAWindow = 200;
constexpr uint64_t kBytes = 64 << 10;

double trips_us(NodeLink link, int64_t run_ns) {
  static Windows windows;
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    const int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; ++i)
      if (!link.call(Request{}, self)) exit(1);
    windows_add(&windows, static_cast<double>(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  return windows_median(&windows);
}

bool is_in_cluster() {
  unsigned char present = 0;
  return mincore(reinterpret_cast<void*>(wire::kClusterBase), 4096, &present) == 0 &&
         wire::cluster().magic == wire::kClusterMagic;
}

NodeLink link_to_daemon() {
  if (have_board_of_keeper() != 0) exit(1);
  const auto ring = Ring::open(node_ring_memory({0}, {1}), kNodeRingStride);
  const auto bell = EventChannel::open(node_bell_line({1}));
  if (!ring || !bell) exit(1);
  return NodeLink(*ring, *bell, WaitPolicy{});
}

NodeLink link_to_thread() {
  auto* const memory = static_cast<char*>(aligned_alloc(4096, kBytes));
  const auto ring = Ring::create(memory + 4096, kBytes - 4096, {0}, {1}, kNodeSlotCount);
  const auto bell = EventChannel::create(reinterpret_cast<wire::EventChannelLine*>(memory));
  if (!ring) exit(1);
  std::thread([=] {
    NodeQueue queue({1}, bell, 1);
    (void)queue.attach({0}, *ring);
    for (;;) {
      (void)queue.wait(WaitPolicy{});
      while (const auto delivery = queue.take()) queue.complete(*delivery, 0);
    }
  }).detach();
  return NodeLink(*ring, bell, WaitPolicy{});
}

} // namespace

int main(int count, char** arguments) {
  const int64_t run_ns = count > 1 && strcmp(arguments[1], "--quick") == 0 ? 200'000'000 : 800'000'000;
  printf("%.3f\n", trips_us(is_in_cluster() ? link_to_daemon() : link_to_thread(), run_ns));
  fflush(stdout);
  _Exit(0);
}
