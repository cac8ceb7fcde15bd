// SPDX-License-Identifier: Apache-2.0
// Two-level delivery (section 6.1 of the paper): everything that arrives at a node, from all sources, goes through its
// node queue; from there each request goes to the SubProcess that it names. The agent of the node is the only consumer.
//
//   for (;;) { queue.wait(policy); while (queue.deliver_next()) {} }
//
// Sources are served in turn, one request each, so that a node which floods us cannot starve the others. What a request
// says is judged here on a copy: an operation beyond the bound is answered with ENOSYS, an unknown SubProcess with
// ESRCH.
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
    if (source.value >= kNodeCountMax || ring.header().source != source.value || ring.header().target != self_.value)
      return fail(EINVAL);
    rings_[source.value] = ring;
    attached_ |= bell_bit(source);
    return {};
  }
  // A fenced source: what it still has in its ring is not carried out.
  void detach(NodeId source) { attached_ &= ~bell_bit(source); }

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

  enum class Wake { requests, local }; // local: somebody of this node itself rang kBellLocal

  // Errors: EINTR, ETIMEDOUT.
  Result<Wake> wait(const WaitPolicy& policy, int64_t timeout_ns = -1) {
    TRY_VOID(channel_.wait(
        policy, [this] { return any_request() || channel_.local_rung(); }, timeout_ns));
    return channel_.collect_local() ? Wake::local : Wake::requests;
  }

  std::optional<Delivery> take() {
    for (uint32_t i = 0; i < kNodeCountMax; ++i) {
      const uint32_t source = (last_ + 1 + i) % kNodeCountMax;
      if (!(attached_ & bell_bit({source}))) continue;
      if (auto taken = rings_[source].take()) {
        last_ = source;
        return Delivery{{source}, *taken};
      }
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

  bool any_request() const {
    for (uint32_t rest = attached_; rest; rest &= rest - 1)
      if (!rings_[__builtin_ctz(rest)].empty()) return true;
    return false;
  }

  Entry* find(uint32_t subprocess) {
    for (uint32_t i = 0; i < target_count_; ++i)
      if (targets_[i].subprocess == subprocess) return &targets_[i];
    return nullptr;
  }

  NodeId self_{0};
  BasicEventChannel<B> channel_;
  uint32_t operation_count_ = 0;
  uint32_t attached_ = 0;
  uint32_t last_ = kNodeCountMax - 1;
  uint32_t target_count_ = 0;
  BasicRing<B> rings_[kNodeCountMax];
  Entry targets_[kTargetCountMax] = {};
};

using NodeQueue = BasicNodeQueue<NodeBell>;

} // namespace sp
