// SPDX-License-Identifier: Apache-2.0
#include "vfd/pipe_transfer.hpp"

#include <cerrno>
#include <ctime>
#include <optional>
#include <poll.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/pending_call.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {

using wire::kPipeRingBytes;
using wire::PipeState;
using wire::PipeWord;

constexpr uint64_t kAtomicBytes = 4096; // PIPE_BUF
constexpr int64_t kNapNs = 20'000'000;  // then the kernel is the better place to wait

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

  PipeWord load() const { return {ring_.word.load()}; }
  bool is_ring(PipeWord word) const {
    return word.use() == end_.use() && word.state() == PipeState::ring && word.is_possible();
  }
  bool exchange(PipeWord& seen, uint64_t bits) { return ring_.word.compare_exchange_strong(seen.bits, bits); }
  bool advance(PipeWord from, uint32_t bytes);
  bool copy_out(char* to, uint32_t position, uint32_t bytes) const;
  bool copy_in(const char* from, uint32_t position, uint32_t bytes);
  std::atomic<uint64_t>& own_sleep() { return end_.writes() ? ring_.writer_sleeps : ring_.reader_sleeps; }
  std::atomic<uint64_t>& peer_sleep() { return end_.writes() ? ring_.reader_sleeps : ring_.writer_sleeps; }
  void poke_peer();
  bool fill();
  bool hold_off(PipeWord word);
  template <class Ready>
  static bool spin(Ready ready);
  template <class Ready>
  Waited wait(Ready ready);
  template <class Ready>
  Waited sleep(Ready ready);

  uint64_t descriptor_;
  wire::PipeEnd end_;
  wire::PipeRing& ring_;
  char* contents_;
};

// ---- waiting ----

// The peer's processor is not known: it may be this one, where it can answer only when this thread yields.
constexpr WaitPolicy yield_often() {
  WaitPolicy policy;
  policy.yield_every_cycles /= 16;
  return policy;
}

template <class Ready>
bool PipeTurn::spin(Ready ready) {
  Patience patience(yield_often(), wire::kCpuUnknown);
  while (!ready())
    if (patience.pass() == Patience::Next::sleep) return ready();
  return true;
}

template <class Ready>
PipeTurn::Waited PipeTurn::wait(Ready ready) {
  const auto over = [&] { return ready(load()) || !is_ring(load()); };
  if (!spin(over)) return sleep(over);
  return is_ring(load()) ? Waited::ready : Waited::kernel;
}

// Poked by the peer, or by the end of the witness's poll, which has nothing to say but that the other end is closed.
template <class Ready>
PipeTurn::Waited PipeTurn::sleep(Ready over) {
  const uint64_t self = static_cast<uint64_t>(own_record() + 1) << 32 | static_cast<uint32_t>(own_tid().value);
  own_sleep().store(self);
  long near = 0;
  if (!over()) {
    pause_at(wire::Step::pipe_waits);
    Transfer transfer;
    pollfd witness{static_cast<int>(descriptor_), 0, 0};
    PendingCall far;
    far.also_until(own_sleep(), self);
    if (far.start(SYS_poll, transfer.put(&witness, sizeof witness), 1, -1) == 0) {
      near = far.wait_here(nullptr, 0, kNapNs, nullptr);
      (void)far.finish();
    }
  }
  own_sleep().store(0);
  if (over()) return is_ring(load()) ? Waited::ready : Waited::kernel;
  return near == -EINTR ? Waited::interrupted : Waited::kernel;
}

void PipeTurn::poke_peer() {
  if (peer_sleep().load() == 0) return;
  const uint64_t who = peer_sleep().exchange(0), index = (who >> 32) - 1;
  if (who == 0 || index >= wire::moved_count()) return;
  const NodeId to{wire::moved(static_cast<uint32_t>(index)).body_node.load()};
  if (to.value >= kNodeCountMax) return;
  const Result<Ring> ring = Ring::open(node_ring_memory(membership.node, to), kNodeRingStride);
  const Result<EventChannel> bell = EventChannel::open(node_bell_line(to));
  if (!ring || !bell) return;
  const Request request{static_cast<uint32_t>(wire::NodeOperation::poke_body), 0, 0, {index, who & ~0u}};
  (void)Ring(*ring).submit(request, own_tid(), Ring::Reply::none); // full: the sleeper will look by itself
  bell->notify(bell_bit(membership.node));
}

// ---- contents ----

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

void count(uint32_t bytes) {
  wire::NodeRecord& record = node_record(this_node());
  record.pipe_transfers.fetch_add(1, std::memory_order_relaxed);
  record.pipe_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

std::optional<long> PipeTurn::read(char* to, uint64_t bytes) {
  constexpr uint32_t kWorthWaking = kPipeRingBytes / 2;
  if (!fill()) return std::nullopt;
  for (;;) {
    const PipeWord word = load();
    if (!is_ring(word)) return std::nullopt;
    if (bytes == 0) return 0;
    const uint32_t used = word.used();
    if (used == 0) {
      const Waited waited = wait([](PipeWord now) { return now.used() != 0; });
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
    const uint32_t room = kPipeRingBytes - word.used();
    if (room < least) {
      if (CallScope::current()->has_signal()) return result(-EINTR);
      const Waited waited = wait([least](PipeWord now) { return kPipeRingBytes - now.used() >= least; });
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

// ---- before there is a ring ----

// The reader's. False: there is none yet.
bool PipeTurn::fill() {
  PipeWord word = load();
  if (word.use() != end_.use() || word.state() != PipeState::offered) return true;
  if (word.busy()) {
    if (!word.wanted()) (void)exchange(word, word.bits | PipeWord::kWanted);
    return false;
  }
  return ask_shadow(own_record(), wire::ShadowOperation::fill_pipe, descriptor_) == 0;
}

// The writer's: until the reader has come. False: it does not.
bool PipeTurn::hold_off(PipeWord word) {
  constexpr timespec kNap{0, 100'000};
  constexpr int kNapsMax = 10;
  const auto changed = [&] { return load().bits != word.bits; };
  if (spin(changed)) return true;
  for (int naps = 0; naps < kNapsMax && !changed(); ++naps) sys::call(SYS_nanosleep, &kNap, nullptr);
  return changed();
}

bool PipeTurn::begin_plain_write() {
  for (;;) {
    PipeWord word = load();
    if (word.use() != end_.use()) return true;
    if (word.state() == PipeState::ring) return false;
    if (word.state() == PipeState::filling) {
      (void)spin([&] { return load().state() != PipeState::filling; });
      continue;
    }
    if (word.state() != PipeState::made && word.state() != PipeState::offered) return true;
    if (word.wanted()) {
      if (!hold_off(word)) (void)exchange(word, word.bits & ~PipeWord::kWanted);
      continue;
    }
    if (exchange(word, word.bits | PipeWord::kBusy)) return true;
  }
}

void PipeTurn::end_plain_write() {
  PipeWord word = load();
  while (word.use() == end_.use() && (word.state() == PipeState::made || word.state() == PipeState::offered) &&
         word.busy() && !exchange(word, word.bits & ~PipeWord::kBusy)) {
  }
}

// ---- which ----

bool is_alone() { return control().thread_count.load() <= 1 && thread_self.borrower == Borrower::none; }

wire::PipeEnd end_of(uint64_t descriptor) { return {record().pipe_ends[descriptor].load()}; }

// How often it is tried: a search through all processes of the first node is worth some dozen transfers.
struct Tries {
  uint32_t transfers, next, step;
};
constinit Tries tries[wire::kPipeEndsMax]{};

bool is_time_to_try(uint64_t descriptor) {
  constexpr uint32_t kFirst = 16, kStepMax = 2048;
  Tries& t = tries[descriptor];
  if (t.step == 0) t.next = t.step = kFirst;
  if (++t.transfers < t.next) return false;
  if (t.step < kStepMax) t.step *= 2;
  t.next = t.transfers + t.step;
  return true;
}

enum : uint64_t { kLeave = 0, kJoin = 1 };

wire::PipeEnd end_to_use(uint64_t descriptor) {
  const wire::PipeEnd end = end_of(descriptor);
  if (!is_alone()) {
    if (end) ask_shadow(own_record(), wire::ShadowOperation::join_pipe, descriptor, kLeave);
    return {0};
  }
  if (!end && is_time_to_try(descriptor)) ask_shadow(own_record(), wire::ShadowOperation::join_pipe, descriptor, kJoin);
  return end_of(descriptor);
}

long read_pipe(PipeTurn turn, const uint64_t (&a)[6], Plainly plainly) {
  const std::optional<long> result = turn.read(pointer_to<char>(a[1]), a[2]);
  return result ? *result : plainly(SYS_read, a);
}

long write_pipe(PipeTurn turn, const uint64_t (&a)[6], Plainly plainly) {
  uint64_t done = 0;
  if (!turn.begin_plain_write()) {
    bool left = false;
    const long result = turn.write(pointer_to<const char>(a[1]), a[2], left);
    if (!left) return result;
    done = static_cast<uint64_t>(result);
  }
  const long result = plainly(SYS_write, {a[0], a[1] + done, a[2] - done, a[3], a[4], a[5]});
  turn.end_plain_write();
  if (sys::failed(result)) return done ? static_cast<long>(done) : result;
  return result + static_cast<long>(done);
}

} // namespace

bool is_pipe(uint64_t descriptor) {
  return descriptor < wire::kPipeEndsMax && (kind_of(descriptor) & 0xf) == S_IFIFO >> 12 && CallScope::current();
}

long transfer_by_pipe(long number, const uint64_t (&a)[6], Plainly plainly) {
  CallScope::current()->enter();
  const wire::PipeEnd end = end_to_use(a[0]);
  const bool writes = number == SYS_write;
  if (!end || end.ring() >= wire::kPipeRingCount || end.writes() != writes) return plainly(number, a);
  const PipeTurn turn(a[0], end);
  return writes ? write_pipe(turn, a, plainly) : read_pipe(turn, a, plainly);
}

} // namespace sp::vfd
