// SPDX-License-Identifier: Apache-2.0
// Processes that are killed in the middle: the others must go on, and nothing may stay in use for ever.
#include <random>

#include "tests/backend/cluster.hpp"

using namespace sp;
using namespace sp::test;

TEST_CASE_TEMPLATE("requesters killed at any moment stop nobody, and their slots come back", B, SP_BACKENDS) {
  constexpr uint32_t kSlots = 8;
  constexpr uint64_t kEndless = ~0ull;
  Cluster<B> cluster(1, kSlots);
  Child agent = cluster.agent();
  Child survivor = cluster.requester(0, 20000);
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) {
    Child victim = cluster.requester(0, kEndless);
    Child second_victim = cluster.requester(0, kEndless);
    usleep(500 + static_cast<useconds_t>(random() % 3000));
  }
  CHECK(survivor.exit_status() == 0);
  CHECK(cluster.ask(0, 1000) == 0); // drains what the dead pushed
  cluster.ring(0).reclaim_dead();
  CHECK(cluster.ask(0, 1000) == 0); // ... and lets the target free what they did not push
  cluster.ring(0).reclaim_dead();
  CHECK(cluster.free_count(0) == kSlots);
  CHECK(cluster.ring(0).header().malformed_count.load() == 0);
}

TEST_CASE_TEMPLATE("when the agent is killed and its node fenced, every requester gets the errno", B, SP_BACKENDS) {
  using C = Cluster<B>;
  C cluster(1, 4);
  Child agent = cluster.agent();
  std::vector<Child> requesters;
  for (int i = 0; i < 6; ++i) // more than there are slots: some wait for an answer, some for a slot
    requesters.emplace_back([&cluster] {
      if (!cluster.join()) return 99;
      auto way = cluster.link(0);
      const Request request{.operation = C::op_never, .subprocess = C::kSubProcess, .flags = 0, .arguments = {}};
      const auto result = way.call(request, self());
      return result ? (*result == -EIO ? 5 : 1) : (result.error().value == EIO ? 5 : 2);
    });
  while (cluster.ring(0).header().taken_count.load() < 4) usleep(1000);
  agent.end();
  cluster.ring(0).fail_all(EIO);
  for (Child& requester : requesters) CHECK(requester.exit_status() == 5);
  CHECK(cluster.ask(0, 1) == 1);
  CHECK(cluster.free_count(0) == 4);
}

TEST_CASE_TEMPLATE("an agent killed under load leaves nobody hanging", B, SP_BACKENDS) {
  std::mt19937 random(2);
  for (int round = 0; round < 15; ++round) {
    Cluster<B> cluster(1, 4);
    Child agent = cluster.agent();
    std::vector<Child> requesters;
    for (int i = 0; i < 3; ++i) requesters.push_back(cluster.requester(0, ~0ull));
    usleep(1000 + static_cast<useconds_t>(random() % 4000));
    agent.end();
    cluster.ring(0).fail_all(EIO);
    for (Child& requester : requesters) CHECK(requester.exit_status() == 1); // its call failed; it did not hang
  }
}
