// SPDX-License-Identifier: Apache-2.0
// Two-level delivery: sources in turn, then the SubProcess that is named.
#include <vector>

#include "gnttab-shm/node_link.hpp"
#include "gnttab-shm/node_queue.hpp"
#include "tests/unit/gnttab-shm/ring_memory.hpp"

using namespace sp;
using namespace sp::test;

namespace {

constexpr uint32_t kOperationCount = 10;

struct Receiver {
  std::vector<NodeQueue::Delivery> seen;
  std::optional<int64_t> answer = 0;
  static std::optional<int64_t> receive(void* object, const NodeQueue::Delivery& delivery) {
    auto* self = static_cast<Receiver*>(object);
    self->seen.push_back(delivery);
    return self->answer;
  }
};

Request to(uint32_t subprocess, uint32_t operation) {
  Request r;
  r.subprocess = subprocess;
  r.operation = operation;
  return r;
}

} // namespace

TEST_CASE("a node that floods another cannot starve the others") {
  RingMemory a(16, 0, 2), b(16, 1, 2);
  NodeQueue queue({2}, a.channel, kOperationCount);
  REQUIRE(queue.attach({0}, a.ring).has_value());
  REQUIRE(queue.attach({1}, b.ring).has_value());
  for (int i = 0; i < 10; ++i) CHECK(a.ring.submit(request(1), self()).has_value());
  for (int i = 0; i < 3; ++i) CHECK(b.ring.submit(request(1), self()).has_value());
  std::vector<uint32_t> sources;
  while (auto delivery = queue.take()) sources.push_back(delivery->source.value);
  REQUIRE(sources.size() == 13);
  for (size_t i = 0; i < 6; ++i) CHECK(sources[i] == i % 2);
}

TEST_CASE("a request reaches the SubProcess that it names; what makes no sense is answered") {
  RingMemory m(16, 0, 2);
  NodeQueue queue({2}, m.channel, kOperationCount);
  REQUIRE(queue.attach({0}, m.ring).has_value());
  Receiver first, second;
  first.answer = 11;
  second.answer = 22;
  REQUIRE(queue.add_target(100, {Receiver::receive, &first}).has_value());
  REQUIRE(queue.add_target(200, {Receiver::receive, &second}).has_value());
  CHECK(queue.add_target(200, {Receiver::receive, &second}).error().value == EEXIST);
  NodeLink link(m.ring, m.channel, WaitPolicy{});
  const auto to_first = link.start(to(100, 1), self());
  const auto to_second = link.start(to(200, 9), self());
  const auto to_nobody = link.start(to(300, 1), self());
  const auto nonsense = link.start(to(100, kOperationCount), self());
  while (queue.deliver_next()) {
  }
  CHECK(link.finish(*to_first) == 11);
  CHECK(link.finish(*to_second) == 22);
  CHECK(link.finish(*to_nobody) == -ESRCH);
  CHECK(link.finish(*nonsense) == -ENOSYS);
  CHECK(first.seen.size() == 1);
  CHECK(second.seen.size() == 1);
  queue.remove_target(100);
  const auto too_late = link.start(to(100, 1), self());
  CHECK(queue.deliver_next());
  CHECK(link.finish(*too_late) == -ESRCH);
  CHECK_FALSE(queue.deliver_next());
}

TEST_CASE("a target may complete a request later") {
  RingMemory m(16, 0, 2);
  NodeQueue queue({2}, m.channel, kOperationCount);
  REQUIRE(queue.attach({0}, m.ring).has_value());
  Receiver later;
  later.answer.reset();
  REQUIRE(queue.add_target(1, {Receiver::receive, &later}).has_value());
  const auto ticket = m.ring.submit(to(1, 1), self());
  CHECK(queue.deliver_next());
  CHECK_FALSE(m.ring.is_done(*ticket));
  CHECK(queue.complete(later.seen[0], 5));
  CHECK(m.ring.wait(*ticket) == 5);
}

TEST_CASE("a ring is attached only where it leads") {
  RingMemory m(16, 0, 2);
  NodeQueue other({3}, m.channel, kOperationCount), queue({2}, m.channel, kOperationCount);
  CHECK(other.attach({0}, m.ring).error().value == EINVAL);
  CHECK(queue.attach({1}, m.ring).error().value == EINVAL);
  REQUIRE(queue.attach({0}, m.ring).has_value());
  CHECK(m.ring.submit(request(1), self()).has_value());
  queue.detach({0});
  CHECK_FALSE(queue.take().has_value());
}
