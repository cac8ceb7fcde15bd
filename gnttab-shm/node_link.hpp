// SPDX-License-Identifier: Apache-2.0
// A node's way to another one: the ring that ends there and the doorbell to ring. The requester's counterpart of
// node_queue.hpp, and what most callers want: call() for an answer, post() for none.
#pragma once
#include "gnttab-shm/event_channel.hpp"
#include "gnttab-shm/ring.hpp"

namespace sp {

template <Bell B>
class BasicNodeLink {
public:
  BasicNodeLink() = default;
  BasicNodeLink(BasicRing<B> ring, BasicEventChannel<B> target, WaitPolicy policy)
      : ring_(ring), target_(target), policy_(policy), bell_(bell_bit({ring.header().source})) {}

  // Submits, waits while the ring is full, and rings the doorbell. Errors: the fence's errno.
  Result<Ticket> start(const Request& request, HostTid self) {
    return submit(request, self, BasicRing<B>::Reply::awaited);
  }
  // Nobody will ask for the result. Requests of one thread, and of threads that order themselves, arrive in order.
  Result<void> post(const Request& request, HostTid self) {
    TRY([[maybe_unused]] const Ticket ticket, submit(request, self, BasicRing<B>::Reply::none));
    return {};
  }
  Result<int64_t> finish(Ticket ticket) { return ring_.wait(ticket, waiting()); }
  Result<int64_t> finish_interruptible(Ticket ticket, const std::atomic<uint32_t>* interrupted = nullptr) {
    return ring_.wait_interruptible(ticket, waiting(), interrupted);
  }
  void abandon(Ticket ticket) { ring_.abandon(ticket); }

  // The target's answer; an error only if there is none.
  Result<int64_t> call(const Request& request, HostTid self) {
    TRY(const Ticket ticket, start(request, self));
    return finish(ticket);
  }

  BasicRing<B>& ring() { return ring_; }

private:
  typename BasicRing<B>::Waiting waiting() const { return {policy_, target_.consumer_cpu(), -1}; }

  Result<Ticket> submit(const Request& request, HostTid self, typename BasicRing<B>::Reply reply) {
    for (;;) {
      const Result<Ticket> ticket = ring_.submit(request, self, reply);
      if (ticket) target_.notify(bell_);
      if (ticket || ticket.error().value != EAGAIN) return ticket;
      target_.notify(bell_); // whoever filled the ring may have died before ringing
      if (ring_.reclaim_dead() == 0) ring_.wait_for_space();
    }
  }

  BasicRing<B> ring_;
  BasicEventChannel<B> target_;
  WaitPolicy policy_;
  uint32_t bell_ = 0;
};

using NodeLink = BasicNodeLink<NodeBell>;

} // namespace sp
