// SPDX-License-Identifier: Apache-2.0
#include "vfd/pipe_turn.hpp"

#include <cerrno>

#include "vfd/call_scope.hpp"
#include "vfd/program_memory.hpp"

namespace sp::vfd {

using wire::kPipeRingBytes;
using wire::PipeState;
using wire::PipeWord;

namespace {

constexpr uint64_t kAtomicBytes = 4096; // PIPE_BUF

void count(uint32_t bytes) {
  wire::NodeRecord& record = node_record(this_node());
  record.pipe_transfers.fetch_add(1, std::memory_order_relaxed);
  record.pipe_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

} // namespace

bool PipeTurn::copy_out(char* to, uint32_t position, uint32_t bytes) const {
  const auto [at, first, rest] = wire::PipePieces::of(position, bytes);
  return write_program(to, contents_ + at, first) && write_program(to + first, contents_, rest);
}

bool PipeTurn::copy_in(const char* from, uint32_t position, uint32_t bytes) {
  const auto [at, first, rest] = wire::PipePieces::of(position, bytes);
  return read_program(contents_ + at, from, first) && read_program(contents_, from + first, rest);
}

// Publishes what was copied from or to where `from` says. False: it was not transferred, the ring is closed.
bool PipeTurn::advance(PipeWord from, uint32_t bytes) {
  pause_at(wire::Step::pipe_copied);
  for (PipeWord seen = from; is_ring(seen);) {
    const uint32_t head = end_.writes() ? seen.head() : from.head() + bytes;
    const uint32_t tail = end_.writes() ? from.tail() + bytes : seen.tail();
    if (exchange(seen, PipeWord::of(PipeState::ring, end_.use(), head, tail).bits)) return true;
  }
  return false;
}

std::optional<long> PipeTurn::read(char* to, uint64_t bytes) {
  constexpr uint32_t kWorthWaking = kPipeRingBytes / 2;
  if (!fill()) return std::nullopt;
  for (;;) {
    const PipeWord word = load();
    if (!is_ring(word)) return std::nullopt;
    if (bytes == 0) return 0;
    const uint32_t used = possible(word);
    if (used == 0) {
      const Waited waited = wait(1);
      if (waited == Waited::interrupted) return -EINTR;
      if (waited == Waited::kernel) return std::nullopt;
      continue;
    }
    const uint32_t part = bytes < used ? static_cast<uint32_t>(bytes) : used;
    if (!copy_out(to, word.head(), part)) return -EFAULT;
    if (!advance(word, part)) return std::nullopt;
    count(part);
    if (used - part <= kWorthWaking) poke_peer();
    return static_cast<long>(part);
  }
}

long PipeTurn::write(const char* from, uint64_t bytes, bool& left) {
  uint64_t done = 0;
  const uint32_t least = bytes <= kAtomicBytes ? static_cast<uint32_t>(bytes) : 1; // of room
  const auto result = [&](long error) { return done ? static_cast<long>(done) : error; };
  while (done < bytes) {
    const PipeWord word = load();
    if (!is_ring(word)) return left = true, static_cast<long>(done);
    const uint32_t room = possible(word);
    if (room < least) {
      if (CallScope::current()->has_signal()) return result(-EINTR);
      const Waited waited = wait(least);
      if (waited == Waited::interrupted) return result(-EINTR);
      if (waited == Waited::kernel) return left = true, static_cast<long>(done);
      continue;
    }
    const uint64_t wanted = bytes - done;
    const uint32_t part = wanted < room ? static_cast<uint32_t>(wanted) : room;
    if (!copy_in(from + done, word.tail(), part)) return result(-EFAULT);
    if (!advance(word, part)) return left = true, static_cast<long>(done);
    count(part);
    poke_peer();
    done += part;
  }
  return static_cast<long>(done);
}

} // namespace sp::vfd
