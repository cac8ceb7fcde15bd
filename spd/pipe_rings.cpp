// SPDX-License-Identifier: Apache-2.0
// What spd knows of each ring is in its own memory; of the ring's word it believes the positions, bounded, and the state.
#include "spd/pipe_rings.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/pipe_contents.hpp"
#include "spd/pipe_holders.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

namespace {

using wire::PipeEnd;
using wire::PipeState;
using wire::PipeWord;

struct Side {
  uint32_t record, use; // of the record
  PipeHolder holder;
  bool knows; // it has been told of the ring: until it says that it leaves, or is over, it may copy to or from it
};
struct Place {
  PipeName pipe{};   // none: free
  uint32_t use = 0;  // counts them
  Side reader{}, writer{};
  int reads = -1, writes = -1; // a pair's sockets, open here
};
Place places[wire::kPipeRingCount];

uint32_t index_of(const Place& place) { return static_cast<uint32_t>(&place - places); }
std::atomic<uint64_t>& word_of(const Place& place) { return wire::pipe_ring(index_of(place)).word; }
PipeWord load(const Place& place) { return {word_of(place).load()}; }

// The word of this use in that state; each of its bits may be changed by bodies meanwhile.
bool exchange_state(const Place& place, PipeState from, PipeState to) {
  for (PipeWord seen = load(place);;) {
    if (seen.state() != from || seen.use() != place.use) return false;
    const uint64_t wanted = (seen.bits & ~uint64_t{7}) | static_cast<uint64_t>(to);
    if (word_of(place).compare_exchange_weak(seen.bits, wanted)) return true;
  }
}

void set_state(const Place& place, PipeState state, uint32_t tail = 0) {
  word_of(place).store(PipeWord::of(state, place.use, 0, tail).bits);
}

// ---- whose ----

// A settled shadow of this node, whose program has the shim.
std::optional<Side> side_of(NodeId self, const PipeHolder& holder) {
  const uint32_t high = std::min(wire::cluster().moved_high.load(), wire::moved_count());
  for (uint32_t i = 0; i < high; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.shadow_pid.load() != holder.pid || m.shadow_node.load() != self.value) continue;
    if (m.state.load() != wire::MovedState::settled || (m.supervised.load() && !m.has_shim.load())) continue;
    return Side{i, m.use.load(), holder, false};
  }
  return std::nullopt;
}

bool is_same(const Side& one, const Side& other) {
  return one.record == other.record && one.use == other.use && one.holder.pid == other.holder.pid &&
         one.holder.descriptor == other.holder.descriptor;
}

bool is_over(const Side& side) {
  const wire::Moved& m = wire::moved(side.record);
  return m.use.load() != side.use || m.state.load() != wire::MovedState::settled;
}

Place* find(PipeEnd end) {
  if (!end || end.ring() >= wire::kPipeRingCount) return nullptr;
  Place& place = places[end.ring()];
  return place.pipe && place.use == end.use() ? &place : nullptr;
}

// ---- contents ----

void put_back(const Place& place, iovec (&parts)[2]) {
  if (place.pipe.is_pair()) return put_all_into_pair(place.writes, parts);
  int pipe = open_end(place.reader.holder, place.pipe.reader, O_WRONLY);
  if (pipe < 0) pipe = open_end(place.writer.holder, place.pipe.writer, O_WRONLY);
  if (pipe < 0) return;
  put_all_into_pipe(pipe, parts);
  close(pipe);
}

// Without a reader there is nobody who could want it.
void flush(const Place& place) {
  const PipeWord word = load(place);
  if (word.used() == 0 || !word.is_possible()) return;
  char* const contents = wire::pipe_contents(index_of(place));
  const auto pieces = wire::PipePieces::of(word.head(), word.used());
  iovec parts[2] = {{contents + pieces.at, pieces.first}, {contents, pieces.rest}};
  put_back(place, parts);
}

long take_all(const Place& place) {
  char* const contents = wire::pipe_contents(index_of(place));
  if (place.pipe.is_pair()) return take_all_of_pair(place.reads, contents);
  const int pipe = open_end(place.reader.holder, place.pipe.reader, O_RDONLY);
  if (pipe < 0) return pipe;
  const long bytes = take_all_of_pipe(pipe, contents);
  close(pipe);
  return bytes;
}

// Only while both shadows know of it: one that does not would close its end, and its peer would not see that.
bool open_sockets(Place& place) {
  if (!place.pipe.is_pair()) return true;
  place.reads = open_end(place.reader.holder, place.pipe.reader, O_RDWR);
  place.writes = open_end(place.writer.holder, place.pipe.writer, O_RDWR);
  return place.reads >= 0 && place.writes >= 0;
}

void close_sockets(Place& place) {
  for (int* const socket : {&place.reads, &place.writes})
    if (*socket >= 0) close_end(*socket), *socket = -1;
}

// Does not wait: who is told too late looks by itself.
void poke(NodeId self, std::atomic<uint64_t>& sleeper) {
  const uint64_t who = sleeper.exchange(0);
  const uint64_t record = (who >> 32) - 1;
  if (who == 0 || record >= wire::moved_count()) return;
  const NodeId to{wire::moved(static_cast<uint32_t>(record)).body_node.load()};
  if (to.value >= node_count()) return;
  const auto ring = Ring::open(node_ring_memory(self, to), kNodeRingStride);
  const auto bell = EventChannel::open(node_bell_line(to));
  if (!ring || !bell) return;
  const Request request{static_cast<uint32_t>(wire::NodeOperation::poke_body), 0, 0, {record, who & ~0u}};
  (void)Ring(*ring).submit(request, HostTid{gettid()}, Ring::Reply::none);
  bell->notify(bell_bit(self));
}

void leave(NodeId self, Place& place) {
  if (exchange_state(place, PipeState::ring, PipeState::closing)) flush(place);
  close_sockets(place);
  set_state(place, PipeState::kernel);
  place.pipe = {}; // and free, when the writer has left, too
  wire::PipeRing& ring = wire::pipe_ring(index_of(place));
  poke(self, ring.reader_sleeps);
  poke(self, ring.writer_sleeps);
}

// ---- a new one ----

bool is_fit(Place& place) {
  if (place.pipe.is_pair()) {
    const bool fit = open_sockets(place) && is_fit_pair(place.reads, place.writes);
    return close_sockets(place), fit;
  }
  const int pipe = open_end(place.reader.holder, place.pipe.reader, O_WRONLY);
  const bool fit = pipe >= 0 && is_fit_pipe(pipe);
  if (pipe >= 0) close(pipe);
  return fit;
}

Place* free_place(NodeId self) {
  for (Place& place : places) {
    if (place.pipe && (is_over(place.reader) || is_over(place.writer))) leave(self, place);
    if (!place.pipe && (!place.writer.knows || is_over(place.writer))) return &place;
  }
  return nullptr;
}

Place* make(NodeId self, PipeName name, const Side& reader, const Side& writer) {
  Place* const place = free_place(self);
  if (!place) return nullptr;
  place->pipe = name, place->reader = reader, place->writer = writer;
  if (!is_fit(*place)) return place->pipe = {}, nullptr;
  place->use = (place->use + 1) & PipeWord::kUses;
  set_state(*place, PipeState::made);
  return place;
}

Place* find(PipeName name) {
  for (Place& place : places)
    if (place.pipe == name) return &place;
  return nullptr;
}

} // namespace

long join_pipe(NodeId self, uint32_t record, uint64_t descriptor, bool writes) {
  const wire::Moved& m = wire::moved(record);
  const pid_t pid = m.shadow_pid.load();
  if (self.value != 0 || m.shadow_node.load() != self.value || !is_leased(pid)) return -EINVAL;
  const PipeName name = pipe_name(pid, descriptor, writes);
  const auto holders = name ? sole_holders(name) : std::nullopt;
  const auto reader = holders ? side_of(self, holders->reader) : std::nullopt;
  const auto writer = holders ? side_of(self, holders->writer) : std::nullopt;
  Place* place = name ? find(name) : nullptr;
  if (place && (!reader || !writer || !is_same(*reader, place->reader) || !is_same(*writer, place->writer)))
    leave(self, *place), place = nullptr;
  if (!reader || !writer || (writes ? writer : reader)->record != record) return -EAGAIN;
  if (!place) place = make(self, name, *reader, *writer);
  if (!place) return -EAGAIN;
  (writes ? place->writer : place->reader).knows = true;
  if (!place->writer.knows || !place->reader.knows) return PipeEnd::of(index_of(*place), place->use, writes).bits;
  if (place->reads < 0 && !open_sockets(*place)) return leave(self, *place), -EAGAIN;
  exchange_state(*place, PipeState::made, PipeState::offered);
  return PipeEnd::of(index_of(*place), place->use, writes).bits;
}

long fill_pipe(NodeId self, uint32_t record, uint64_t descriptor, PipeEnd end) {
  Place* const place = find(end);
  if (!place || place->reader.record != record || place->reader.holder.descriptor != static_cast<int>(descriptor))
    return -EINVAL;
  PipeWord seen = load(*place);
  if (seen.busy() || seen.state() != PipeState::offered || seen.use() != place->use ||
      !word_of(*place).compare_exchange_strong(seen.bits, PipeWord::of(PipeState::filling, place->use).bits))
    return -EAGAIN;
  const long bytes = take_all(*place);
  if (bytes == -EAGAIN) return set_state(*place, PipeState::offered), bytes;
  if (bytes < 0) return leave(self, *place), bytes;
  set_state(*place, PipeState::ring, static_cast<uint32_t>(bytes));
  return 0;
}

long leave_pipe(NodeId self, uint32_t record, uint64_t, PipeEnd end) {
  for (Place& place : places) {
    Side* const side = place.reader.record == record ? &place.reader : place.writer.record == record ? &place.writer : nullptr;
    if (!side || (end && (end.ring() != index_of(place) || end.use() != place.use))) continue;
    if (place.pipe) leave(self, place);
    if (end) side->knows = false;
  }
  return 0;
}

} // namespace sp::spd
