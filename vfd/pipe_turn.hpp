// SPDX-License-Identifier: Apache-2.0
// A body's end of a pipe's ring, while it transfers (wire/pipe_ring.hpp).
#pragma once
#include <optional>

#include "libsuperproc/cluster/pause.hpp"
#include "vfd/body.hpp"

namespace sp::vfd {

// This process's end of one ring, while it transfers.
class PipeTurn {
public:
  PipeTurn(uint64_t descriptor, wire::PipeEnd end)
      : descriptor_(descriptor), end_(end), ring_(wire::pipe_ring(end.ring())),
        contents_(wire::pipe_contents(end.ring())) {}

  // Nothing: it is the kernel's affair.
  std::optional<long> read(char* to, uint64_t bytes);
  // How many went by the ring, or -errno; `left`: what does not is for the kernel.
  long write(const char* from, uint64_t bytes, bool& left);

  // Before the shadow is asked to write. False: there is a ring by now.
  bool begin_plain_write();
  void end_plain_write();

private:
  enum class Waited { ready, kernel, interrupted };

  wire::PipeWord load() const { return {ring_.word.load()}; }
  bool is_ring(wire::PipeWord word) const {
    return word.use() == end_.use() && word.state() == wire::PipeState::ring && word.is_possible();
  }
  // What this end can transfer.
  uint32_t possible(wire::PipeWord word) const {
    return end_.writes() ? wire::kPipeRingBytes - word.used() : word.used();
  }
  bool exchange(wire::PipeWord& seen, uint64_t bits) { return ring_.word.compare_exchange_strong(seen.bits, bits); }
  bool advance(wire::PipeWord from, uint32_t bytes);
  bool copy_out(char* to, uint32_t position, uint32_t bytes) const;
  bool copy_in(const char* from, uint32_t position, uint32_t bytes);
  std::atomic<uint64_t>& own_sleep() { return end_.writes() ? ring_.writer_sleeps : ring_.reader_sleeps; }
  std::atomic<uint64_t>& peer_sleep() { return end_.writes() ? ring_.reader_sleeps : ring_.writer_sleeps; }
  void poke_peer();
  bool fill(); // false: there is none yet
  bool hold_off(wire::PipeWord word);
  bool is_over(uint32_t least) const;
  Waited wait(uint32_t least);
  Waited sleep(uint32_t least);

  uint64_t descriptor_;
  wire::PipeEnd end_;
  wire::PipeRing& ring_;
  char* contents_;
};

// The peer's processor is not known: it may be this one, where it can answer only when this thread yields.
constexpr WaitPolicy yield_often() {
  WaitPolicy policy;
  policy.yield_every_cycles /= 16;
  return policy;
}

// False: not soon.
template <class Ready>
bool spin(Ready ready) {
  Patience patience(yield_often(), wire::kCpuUnknown);
  while (!ready())
    if (patience.pass() == Patience::Next::sleep) return ready();
  return true;
}

} // namespace sp::vfd
