// SPDX-License-Identifier: Apache-2.0
// Real processes that ask each other, on every backend.
#include <thread>

#include "tests/backend/cluster.hpp"

using namespace sp;
using namespace sp::test;

TEST_CASE_TEMPLATE("two processes exchange a hundred thousand requests", B, SP_BACKENDS) {
  Cluster<B> cluster(1, 16);
  Child agent = cluster.agent();
  CHECK(cluster.requester(0, 100000).exit_status() == 0);
  CHECK(cluster.ring(0).header().taken_count.load() == 100000);
  CHECK(cluster.ring(0).header().malformed_count.load() == 0);
  CHECK(cluster.free_count(0) == 16);
}

TEST_CASE_TEMPLATE("more requesters than cores and than slots, from several nodes", B, SP_BACKENDS) {
  constexpr uint32_t kSources = 3, kProcesses = 3, kThreads = 4, kCalls = 500;
  Cluster<B> cluster(kSources, 4);
  Child agent = cluster.agent();
  std::vector<Child> requesters;
  for (uint32_t source = 0; source < kSources; ++source)
    for (uint32_t i = 0; i < kProcesses; ++i)
      requesters.emplace_back([&cluster, source] {
        if (!cluster.join()) return 99;
        std::atomic<int> bad{0};
        std::vector<std::thread> threads;
        for (uint32_t t = 0; t < kThreads; ++t) threads.emplace_back([&] { bad += cluster.ask(source, kCalls); });
        for (auto& thread : threads) thread.join();
        return bad.load();
      });
  for (Child& requester : requesters) CHECK(requester.exit_status() == 0);
  for (uint32_t source = 0; source < kSources; ++source) {
    CHECK(cluster.ring(source).header().taken_count.load() == kProcesses * kThreads * kCalls);
    CHECK(cluster.ring(source).header().malformed_count.load() == 0);
    CHECK(cluster.free_count(source) == 4);
  }
}

TEST_CASE_TEMPLATE("requests that nobody waits for arrive all, and before those that come after them", B, SP_BACKENDS) {
  using C = Cluster<B>;
  C cluster(1, 8);
  Child agent = cluster.agent();
  auto way = cluster.link(0);
  const Request posted{.operation = C::op_double, .subprocess = C::kSubProcess, .flags = 0, .arguments = {}};
  for (int i = 0; i < 2000; ++i) REQUIRE(way.post(posted, self()).has_value());
  const Request last{.operation = C::op_stop, .subprocess = C::kSubProcess, .flags = 0, .arguments = {21}};
  CHECK(way.call(last, self()) == 42);
  CHECK(cluster.ring(0).header().taken_count.load() == 2001);
  CHECK(agent.exit_status() == 0);
}

TEST_CASE_TEMPLATE("an idle node sleeps", B, SP_BACKENDS) {
  Cluster<B> cluster(1, 8);
  Child agent = cluster.agent();
  CHECK(cluster.ask(0, 10) == 0);
  const uint64_t slept = cluster.channel().sleep_count();
  for (int i = 0; i < 2000 && cluster.channel().sleep_count() == slept && slept == 0; ++i) usleep(1000);
  CHECK(cluster.channel().sleep_count() > 0);
  CHECK(cluster.ask(0, 10) == 0);
}
