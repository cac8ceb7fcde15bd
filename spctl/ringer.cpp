// SPDX-License-Identifier: Apache-2.0
// See ringer.hpp.
#include "spctl/ringer.hpp"

#include <algorithm>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spctl {

static constexpr size_t kBoardBytes = 4096;

wire::Board* map_board(int descriptor) {
  void* const mapped = mmap(nullptr, kBoardBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<wire::Board*>(mapped);
}

int make_board(uint32_t node, uint32_t node_count) {
  const int descriptor = memfd_create("superproc-board", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, kBoardBytes) != 0) return -1;
  wire::Board* const board = map_board(descriptor);
  if (board == nullptr) return -1;
  board->node = node, board->node_count = node_count;
  munmap(board, kBoardBytes);
  return descriptor;
}

void ring_others(wire::Board& board, const Carry& carry) {
  constexpr int64_t kLookAgainNs = 100'000'000; // somebody may have been killed before he rang us
  const uint32_t own = board.node, count = std::min<uint32_t>(board.node_count, kNodeCountMax);
  auto& beat = reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers)->nodes[own].beat;
  for (;;) {
    const uint32_t seen = board.rings.load();
    for (uint32_t n = 0; n < count; ++n)
      if (const uint64_t lines = board.to_ring[n].exchange(0); lines != 0 && n != own) carry(n, lines);
    beat.fetch_add(1);
    sys::futex_wait(reinterpret_cast<const volatile uint32_t*>(&board.rings), seen, kLookAgainNs);
  }
}

void begin_ringers(const std::vector<int>& boards) {
  static std::vector<wire::Board*> mapped;
  for (const int descriptor : boards) mapped.push_back(map_board(descriptor));
  const AllBlocked blocked; // the parent's signals are its first thread's
  for (wire::Board* const board : mapped)
    if (board != nullptr)
      std::thread([board] {
        ring_others(*board, [](uint32_t node, uint64_t lines) {
          if (node < mapped.size() && mapped[node] != nullptr) ring_lines(*mapped[node], lines);
        });
      }).detach();
}

} // namespace sp::spctl
