// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/node_bell.hpp"

namespace sp {

constinit OwnBoard own_board;

namespace {

constexpr int kEverybody = 1 << 30;

uint32_t line_of(const volatile uint32_t* word) {
  constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
  return static_cast<uint32_t>(reinterpret_cast<uint64_t>(word) / sizeof *word * kOdd >> 58);
}

uint32_t own_node() { return own_board.board->node % kNodeCountMax; }

const volatile uint32_t* raw(const std::atomic<uint32_t>& word) {
  return reinterpret_cast<const volatile uint32_t*>(&word);
}

} // namespace

long NodeBell::sleep(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns) {
  if (!own_board.board) return sys::futex_wait(word, expected, timeout_ns);
  const uint32_t line = line_of(word);
  const std::atomic<uint32_t>& rung = own_board.board->lines[line];
  std::atomic<uint32_t>& count = own_board.sleepers->nodes[own_node()].counts[line];
  count.fetch_add(1);
  const uint32_t seen = rung.load();
  const long slept =
      __atomic_load_n(word, __ATOMIC_SEQ_CST) == expected ? sys::futex_wait(raw(rung), seen, timeout_ns) : -EAGAIN;
  count.fetch_sub(1);
  return slept;
}

void ring_lines(wire::Board& board, uint64_t lines) {
  for (; lines; lines &= lines - 1) {
    std::atomic<uint32_t>& line = board.lines[__builtin_ctzll(lines)];
    line.fetch_add(1);
    sys::futex_wake(raw(line), kEverybody);
  }
}

long NodeBell::wake(const volatile uint32_t* word, int count) {
  if (!own_board.board) return sys::futex_wake(word, count);
  const uint32_t line = line_of(word);
  std::atomic_thread_fence(std::memory_order_seq_cst); // between the word's change and the looks at who sleeps
  bool others = false;
  for (uint32_t n = 0; n < own_board.board->node_count && n < kNodeCountMax; ++n) {
    if (own_board.sleepers->nodes[n].counts[line].load() == 0) continue;
    if (n == own_node())
      ring_lines(*own_board.board, 1ull << line);
    else
      own_board.board->to_ring[n].fetch_or(1ull << line), others = true;
  }
  if (!others) return 0;
  own_board.board->rings.fetch_add(1);
  return sys::futex_wake(raw(own_board.board->rings), 1);
}

} // namespace sp
