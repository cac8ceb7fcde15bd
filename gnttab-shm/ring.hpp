// SPDX-License-Identifier: Apache-2.0
// Requests from the threads of one node to the agent of another, with completions.
//
// Any thread of the source submits (in a signal handler too); one agent of the target takes; requests complete in any
// order, by any thread of the target. Slots are freed one by one, so a request that blocks for hours holds back nobody.
// Requests are taken in the order in which they were submitted. That order is kept apart from the slots: a submission
// is one compare-and-swap that makes the slot's number the `newest`, linked to the one before; the agent takes the
// whole chain at once and reverses it into order[]. Nobody ever pops a single link, so there is no ABA problem, and no
// lock that a killed or interrupted thread could hold.
//
// A Ring is only a view (two words), made by create() or open() and copied freely. The slot count is kept in the view,
// not read again from shared memory; every number that comes from there is bounded before it is used.
#pragma once
#include <optional>

#include "gnttab-shm/node_bell.hpp"
#include "gnttab-shm/slot.hpp"
#include "gnttab-shm/wait_policy.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

struct TakenRequest {
  Ticket ticket;
  Request request;
};

template <Bell B>
class BasicRing {
public:
  BasicRing() = default;

  // Formats zeroed or old memory. Nobody else may know the ring yet.
  static Result<BasicRing> create(void* memory, uint64_t bytes, NodeId source, NodeId target, uint32_t slot_count);
  // Checks what another process formatted.
  static Result<BasicRing> open(void* memory, uint64_t bytes);

  // ---- requester (source node) ----
  enum class Reply { awaited, none };

  // Reply::awaited: the caller must wait() for the ticket or abandon() it. Reply::none: nobody will ask.
  // Errors: EAGAIN the ring is full; the fence's errno. Ring the target's doorbell afterwards.
  Result<Ticket> submit(const Request& request, HostTid self, Reply reply = Reply::awaited);

  // Sleeps until a slot may have become free (or a few milliseconds have passed).
  void wait_for_space();

  struct Waiting {
    WaitPolicy policy = {};
    uint32_t peer_cpu = wire::kCpuUnknown; // EventChannel::consumer_cpu() of the target
    int64_t timeout_ns = -1;               // of the sleep
  };
  // The result that the target gave, negative errnos included, as a value; frees the slot. Signals do not end it.
  // Errors: EPROTO the slot was overwritten; ETIMEDOUT if a timeout was asked for (the ticket stays valid).
  Result<int64_t> wait(Ticket ticket, const Waiting& waiting = {});
  // The same, but also EINTR when a signal handler ran during the sleep or set *interrupted. The ticket stays valid:
  // wait again, or tell the target and then wait, or abandon.
  Result<int64_t> wait_interruptible(Ticket ticket, const Waiting& waiting,
                                     const std::atomic<uint32_t>* interrupted = nullptr);
  bool is_done(Ticket ticket) const;
  void abandon(Ticket ticket);

  // Takes back what threads of this node left behind that no longer exist; only this node's kernel can tell. Returns
  // how many slots are free again at once.
  uint32_t reclaim_dead();

  // ---- target ----
  std::optional<TakenRequest> take();
  // False: the request had been failed meanwhile, or the ticket is not one of this ring.
  bool complete(Ticket ticket, int64_t result);

  // ---- whoever fences one of the two nodes, when the target no longer writes ----
  // Every pending and every later request ends with -errno_value. Returns how many were pending.
  uint32_t fail_all(int errno_value);

  // Nothing for the target to do.
  bool empty() const {
    return header_->newest.load(std::memory_order_relaxed) == 0 &&
           header_->order_count.load(std::memory_order_relaxed) == 0 &&
           header_->orphan_count.load(std::memory_order_relaxed) == 0;
  }
  uint32_t slot_count() const { return slot_count_; }
  const wire::RingHeader& header() const { return *header_; }

private:
  BasicRing(wire::RingHeader* header, uint32_t slot_count) : header_(header), slot_count_(slot_count) {}

  wire::Slot* slots() const { return reinterpret_cast<wire::Slot*>(header_ + 1); }
  std::atomic<uint32_t>* order() const { return reinterpret_cast<std::atomic<uint32_t>*>(slots() + slot_count_); }
  static const volatile uint32_t* futex_word(const std::atomic<uint32_t>& word) {
    return reinterpret_cast<const volatile uint32_t*>(&word);
  }

  wire::Slot* claim(HostTid self);
  void push(wire::Slot& s);
  void release(wire::Slot& s, uint32_t sequence);
  void announce_space();
  bool finish(wire::Slot& s, uint32_t sequence, int64_t result);
  bool fail_one(wire::Slot& s, int errno_value);
  bool reclaim_one(wire::Slot& s, HostTid dead);
  void free_orphans();
  void collect_newest();
  enum class Signals { ignored, end_the_wait };
  Result<int64_t> wait_for(Ticket ticket, const Waiting& waiting, Signals signals, const std::atomic<uint32_t>* flag);

  wire::RingHeader* header_ = nullptr;
  uint32_t slot_count_ = 0;
};

using Ring = BasicRing<NodeBell>;

} // namespace sp

#include "gnttab-shm/ring_requester.hpp"
#include "gnttab-shm/ring_target.hpp"
