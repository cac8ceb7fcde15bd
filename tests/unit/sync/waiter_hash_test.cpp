// SPDX-License-Identifier: Apache-2.0
// The hash alone: order, bits, requeues, nodes that end with waiters queued and locks held, and threads that race.
#include "libsuperproc/sync/waiter_hash.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <thread>
#include <vector>

using namespace sp;

namespace {

bool second_has_ended = false;
bool has_ended(NodeId node) { return second_has_ended && node.value == 2; }

struct Fixture {
  using Memory = WaiterMemory<8, 128>;
  std::unique_ptr<Memory> table = std::make_unique<Memory>();
  alignas(4) uint32_t words[2] = {};
  WaiterHash hash = of(0);

  Fixture() { std::fill(std::begin(sp_futex_waiters), std::end(sp_futex_waiters), 0); } // what another test has left

  uint64_t address(int i) const { return reinterpret_cast<uint64_t>(&words[i]); }
  WaiterHash of(uint32_t node) {
    return {table->table(sp_futex_waiters, has_ended), NodeId{node}, static_cast<int32_t>(100 + node)};
  }
  WaiterBucket& bucket(int i) { return table->buckets[&futex_bucket(address(i)) - sp_futex_waiters]; }
  bool wait(uint32_t waiter, uint32_t node = 0, uint32_t bits = ~0u) {
    return of(node).enqueue(waiter, {address(0), address(0), 0}, bits, waiter).has_value();
  }
  std::vector<uint32_t> woken(uint32_t count) const {
    std::vector<uint32_t> list;
    for (uint32_t i = 0; i < count; ++i)
      if (hash.is_woken(i)) list.push_back(i);
    return list;
  }
};

struct Dead {
  Dead() { second_has_ended = true; }
  ~Dead() { second_has_ended = false; }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "who came first is woken first, by bits") {
  for (uint32_t i = 0; i < 5; ++i) REQUIRE(wait(i, i % 3, i == 1 ? 2 : 1));
  CHECK(may_have_waiters(address(0)));
  CHECK(hash.wake(address(0), 2, 1) == 2);
  CHECK(woken(5) == std::vector<uint32_t>{0, 2});
  CHECK(hash.wake(address(0), 9, 2) == 1);
  CHECK(hash.leave(0));
  CHECK_FALSE(hash.leave(3)); // nobody woke it
  CHECK(hash.wake(address(0), 9) == 1);
  CHECK_FALSE(may_have_waiters(address(0)));
}

TEST_CASE_FIXTURE(Fixture, "another value, or none, is refused, and nobody is counted") {
  words[0] = 5;
  CHECK(hash.enqueue(0, {address(0), address(0), 4}, ~0u, 0).error().value == EAGAIN);
  CHECK(hash.enqueue(0, {8, 8, 4}, ~0u, 0).error().value == EFAULT);
  CHECK_FALSE(may_have_waiters(address(0)));
}

TEST_CASE_FIXTURE(Fixture, "who is moved waits on the other word") {
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(wait(i));
  const uint32_t expected = 0, other = 1;
  CHECK(hash.requeue({address(0), address(1), 1, 9, address(0), &other}).error().value == EAGAIN);
  CHECK(*hash.requeue({address(0), address(1), 1, 2, address(0), &expected}) == 3);
  CHECK(woken(4) == std::vector<uint32_t>{0});
  CHECK(hash.wake(address(0), 9) == 1);
  CHECK(woken(4) == std::vector<uint32_t>{0, 3});
  CHECK_FALSE(hash.leave(1));
  CHECK(hash.wake(address(1), 9) == 1);
  CHECK(hash.leave(2));
  CHECK_FALSE(may_have_waiters(address(0)));
  CHECK_FALSE(may_have_waiters(address(1)));
}

TEST_CASE_FIXTURE(Fixture, "waiters of a node that has ended are passed over") {
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(wait(i, i % 2 ? 2 : 1));
  const Dead dead;
  CHECK(hash.wake(address(0), 2) == 2);
  CHECK(woken(4) == std::vector<uint32_t>{0, 2});
}

TEST_CASE_FIXTURE(Fixture, "a lock that a dead node holds is taken, and its bucket made anew in order") {
  for (uint32_t i = 0; i < 6; ++i) REQUIRE(wait(5 - i, i == 2 ? 2 : 1));
  bucket(0).lock = uint64_t{2 + 1} << 32 | 7;
  bucket(0).first = bucket(0).last = 3; // as if it had died in the middle
  const Dead dead;
  CHECK(hash.wake(address(0), 2) == 2);
  CHECK(woken(6) == std::vector<uint32_t>{4, 5});
  CHECK(hash.wake(address(0), 9) == 3);
  CHECK(woken(6) == std::vector<uint32_t>{0, 1, 2, 4, 5});
  CHECK(bucket(0).lock == 0);
}

TEST_CASE_FIXTURE(Fixture, "spare waiters are few and come back") {
  std::vector<uint32_t> taken;
  while (const auto spare = hash.take_spare()) taken.push_back(*spare);
  CHECK(taken.size() == Memory::kCount - Memory::kOwnCount);
  CHECK(hash.take_spare().error().value == ENOMEM);
  hash.give_back(taken[77]);
  CHECK(*hash.take_spare() == taken[77]);
}

TEST_CASE_FIXTURE(Fixture, "what a dead process leaves is taken away, and its wake goes to the next") {
  std::vector<uint32_t> spares;
  for (uint32_t node : {1, 1, 3}) {
    spares.push_back(*of(node).take_spare());
    REQUIRE(wait(spares.back(), node));
  }
  CHECK(hash.wake(address(0), 1) == 1); // the first of node 1, which does not live to see it
  bucket(0).lock = uint64_t{1 + 1} << 32 | 101;
  of(0).forget_all({1}, 101);
  CHECK(bucket(0).lock == 0);
  CHECK(hash.is_woken(spares[2]));
  CHECK(of(3).leave(spares[2]));
  CHECK_FALSE(may_have_waiters(address(0)));
  CHECK(*of(0).take_spare() == spares[0]);
}

TEST_CASE_FIXTURE(Fixture, "a process that moved waits on when the one with its number on the other node ends") {
  WaiterHash there(table->table(sp_futex_waiters, has_ended), NodeId{3}, 101);
  const uint32_t spare = *there.take_spare();
  REQUIRE(there.enqueue(spare, {address(0), address(0), 0}, ~0u, spare));
  of(0).forget_all({1}, 101);
  CHECK(there.is_own(spare));
  CHECK(there.wake(address(0), 1) == 1);
  CHECK(there.leave(spare));
  of(0).forget_all({3}, 0);
  CHECK_FALSE(there.is_own(spare));
}

TEST_CASE_FIXTURE(Fixture, "who can write the table makes nobody follow a link for ever") {
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(wait(i));
  table->waiters[1].next = 1, table->waiters[1].ticket = 0, table->waiters[0].ticket = 0;
  CHECK(hash.wake(address(1), 9) == 0);
  CHECK(hash.wake(address(0), 9) <= 4 * 64);
  bucket(0).first = ~0u;
  CHECK(hash.wake(address(0), 9) == 0);
}

TEST_CASE_FIXTURE(Fixture, "no wake-up is lost between threads") {
  constexpr uint32_t kThreads = 4, kTurns = 2000;
  auto* const tokens = reinterpret_cast<std::atomic<uint32_t>*>(&words[0]);
  tokens->store(1);
  std::atomic<uint32_t> taken{0};
  std::vector<std::thread> threads;
  for (uint32_t self = 0; self < kThreads; ++self)
    threads.emplace_back([&, self] {
      WaiterHash own = of(self);
      const EventChannel bell = own.bell_of(self);
      for (uint32_t turn = 0; turn < kTurns;) {
        uint32_t one = 1;
        if (!tokens->compare_exchange_strong(one, 0)) {
          if (own.enqueue(self, {address(0), address(0), 0}, ~0u, self))
            (void)bell.wait(WaitPolicy::sleep_at_once(), [&] { return own.is_woken(self); }), own.leave(self);
          continue;
        }
        ++turn, ++taken;
        tokens->store(1);
        if (may_have_waiters(address(0))) own.wake(address(0), 1);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(taken == kThreads * kTurns);
  CHECK_FALSE(may_have_waiters(address(0)));
}
