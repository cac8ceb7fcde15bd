// SPDX-License-Identifier: Apache-2.0
// Two-level delivery (section 6.1 of the paper): everything that arrives at a node, from all sources, goes through its
// node queue; from there each request goes to the SubProcess that it names. The agent of the node is the only consumer.
//
//   for (;;) { queue.wait(policy); while (queue.deliver_next()) {} }
//
// Sources are served in turn, one request each, so that a node which floods us cannot starve the others. What a request
// says is judged here on a copy: an operation beyond the bound is answered with ENOSYS, an unknown SubProcess with ESRCH.
#pragma once
#include "gnttab-shm/event_channel.hpp"
#include "gnttab-shm/ring.hpp"

namespace sp {

inline constexpr uint32_t kTargetCountMax = 32;

template <Bell B>
class BasicNodeQueue {
public:
  struct Delivery {
    NodeId source;
    TakenRequest taken;
  };
  // Who receives the requests for one SubProcess. Returns the result, or nothing if it completes the request later
  // (complete(), from any thread).
  struct Target {
    std::optional<int64_t> (*receive)(void* object, const Delivery& delivery) = nullptr;
    void* object = nullptr;
  };

  BasicNodeQueue() = default;
  BasicNodeQueue(NodeId self, BasicEventChannel<B> channel, uint32_t operation_count)
      : self_(self), channel_(channel), operation_count_(operation_count) {}

  // Errors: EINVAL the ring does not lead from `source` to this node.
  Result<void> attach(NodeId source, BasicRing<B> ring) {
    if (source.value >= kNodeCountMax || ring.header().source != source.value ||
        ring.header().target != self_.value)
      return fail(EINVAL);
    rings_[source.value] = ring;
    attached_ |= bell_bit(source);
    return {};
  }
  // A fenced source: what it still has in its ring is not carried out.
  void detach(NodeId source) {
    attached_ &= ~bell_bit(source);
    ready_ &= ~bell_bit(source);
  }

  // Errors: EEXIST, ENOSPC.
  Result<void> add_target(uint32_t subprocess, Target target) {
    if (find(subprocess)) return fail(EEXIST);
    if (target_count_ == kTargetCountMax) return fail(ENOSPC);
    targets_[target_count_++] = {subprocess, target};
    return {};
  }
  void remove_target(uint32_t subprocess) {
    if (Entry* entry = find(subprocess)) *entry = targets_[--target_count_];
  }

  // Waits until there is something to take or somebody of this node rang (kBellLocal in the result).
  // Errors: EINTR, ETIMEDOUT.
  Result<uint32_t> wait(const WaitPolicy& policy, int64_t timeout_ns = -1) {
    if (!(ready_ | local_)) {
      TRY(const uint32_t bits, channel_.wait(policy, timeout_ns));
      note(bits);
    }
    const uint32_t rung = ready_ | local_;
    local_ = 0;
    return rung;
  }

  std::optional<Delivery> take() {
    note(channel_.collect());
    while (ready_) {
      const uint32_t source = next_ready();
      if (auto taken = rings_[source].take()) {
        last_ = source;
        return Delivery{{source}, *taken};
      }
      ready_ &= ~bell_bit({source}); // the bit comes back with the next request
    }
    return std::nullopt;
  }

  bool complete(const Delivery& delivery, int64_t result) {
    return delivery.source.value < kNodeCountMax && (attached_ & bell_bit(delivery.source)) &&
           rings_[delivery.source.value].complete(delivery.taken.ticket, result);
  }

  // Takes one request and carries it to its SubProcess. False: there was none.
  bool deliver_next() {
    const auto delivery = take();
    if (!delivery) return false;
    const Request& request = delivery->taken.request;
    if (request.operation >= operation_count_) return complete(*delivery, -ENOSYS), true;
    const Entry* entry = find(request.subprocess);
    if (!entry) return complete(*delivery, -ESRCH), true;
    if (const auto result = entry->target.receive(entry->target.object, *delivery)) complete(*delivery, *result);
    return true;
  }

private:
  struct Entry {
    uint32_t subprocess;
    Target target;
  };

  void note(uint32_t bits) {
    ready_ |= bits & attached_;
    local_ |= bits & wire::kBellLocal; // kept until wait() has told it
  }

  Entry* find(uint32_t subprocess) {
    for (uint32_t i = 0; i < target_count_; ++i)
      if (targets_[i].subprocess == subprocess) return &targets_[i];
    return nullptr;
  }

  // The first ready source after the one served last.
  uint32_t next_ready() const {
    uint32_t source = last_;
    do source = (source + 1) % kNodeCountMax;
    while (!(ready_ & bell_bit({source})));
    return source;
  }

  NodeId self_{0};
  BasicEventChannel<B> channel_;
  uint32_t operation_count_ = 0;
  uint32_t attached_ = 0, ready_ = 0, local_ = 0;
  uint32_t last_ = kNodeCountMax - 1;
  uint32_t target_count_ = 0;
  BasicRing<B> rings_[kNodeCountMax];
  Entry targets_[kTargetCountMax] = {};
};

using NodeQueue = BasicNodeQueue<FutexBell>;

} // namespace sp
