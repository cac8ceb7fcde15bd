// SPDX-License-Identifier: Apache-2.0
// One request's way through a ring, and every way in which it can end.
#include <csignal>
#include <thread>
#include <vector>

#include <sys/time.h>

#include "gnttab-shm/view/ring_report.hpp"
#include "tests/unit/gnttab-shm/ring_memory.hpp"

using namespace sp;
using namespace sp::test;

TEST_CASE("a request arrives as it was sent and its result comes back") {
  RingMemory m(8);
  Request sent;
  sent.operation = 5;
  sent.subprocess = 77;
  sent.flags = 3;
  for (uint64_t i = 0; i < 8; ++i) sent.arguments[i] = 1000 + i;
  const auto ticket = m.ring.submit(sent, self());
  REQUIRE(ticket.has_value());
  CHECK_FALSE(m.ring.is_done(*ticket));
  const auto taken = m.ring.take();
  REQUIRE(taken.has_value());
  CHECK(taken->request.operation == 5);
  CHECK(taken->request.subprocess == 77);
  CHECK(taken->request.flags == 3);
  for (uint64_t i = 0; i < 8; ++i) CHECK(taken->request.arguments[i] == 1000 + i);
  CHECK(m.ring.complete(taken->ticket, -9000000000));
  CHECK(m.ring.is_done(*ticket));
  CHECK(m.ring.wait(*ticket) == -9000000000);
  CHECK(m.free_count() == 8);
  CHECK_FALSE(m.ring.take().has_value());
}

TEST_CASE("requests are taken in the order of submission, across many chains") {
  RingMemory m(16);
  uint64_t sent = 0, seen = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 1 + round % 16; ++i)
      if (m.ring.submit(request(1, sent), self(), Ring::Reply::none)) ++sent;
    for (int i = 0; i < 1 + round % 7; ++i)
      if (auto taken = m.ring.take()) {
        CHECK(taken->request.arguments[0] == seen++);
        CHECK(m.ring.complete(taken->ticket, 0));
      }
  }
  while (auto taken = m.ring.take()) {
    CHECK(taken->request.arguments[0] == seen++);
    CHECK(m.ring.complete(taken->ticket, 0));
  }
  CHECK(seen == sent);
  CHECK(sent > 500);
  CHECK(m.free_count() == 16);
}

TEST_CASE("requests complete out of order and their slots are used again while an old one is pending") {
  RingMemory m(4);
  const auto slow = m.ring.submit(request(1), self());
  const auto slow_taken = m.ring.take();
  REQUIRE(slow_taken.has_value());
  for (int i = 0; i < 1000; ++i) {
    const auto quick = m.ring.submit(request(2), self());
    REQUIRE(quick.has_value());
    CHECK(m.ring.complete(m.ring.take()->ticket, i));
    CHECK(m.ring.wait(*quick) == i);
  }
  CHECK_FALSE(m.ring.is_done(*slow));
  CHECK(m.ring.complete(slow_taken->ticket, 42));
  CHECK(m.ring.wait(*slow) == 42);
}

TEST_CASE("a full ring says EAGAIN and counts it; a freed slot ends it") {
  RingMemory m(4);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(m.ring.submit(request(1), self()).value());
  CHECK(m.ring.submit(request(1), self()).error().value == EAGAIN);
  CHECK(m.ring.header().full_count.load() == 1);
  CHECK(m.ring.complete(m.ring.take()->ticket, 0));
  CHECK(m.ring.submit(request(1), self()).error().value == EAGAIN); // done, but its result is not read yet
  CHECK(m.ring.wait(tickets[0]) == 0);
  CHECK(m.ring.submit(request(1), self()).has_value());
}

TEST_CASE("an abandoned request is freed by whoever comes last") {
  RingMemory m(4);
  SUBCASE("abandoned before it is done") {
    m.ring.abandon(*m.ring.submit(request(1), self()));
    CHECK(m.free_count() == 3);
    CHECK(m.ring.complete(m.ring.take()->ticket, 0));
  }
  SUBCASE("abandoned after it is done") {
    const auto ticket = m.ring.submit(request(1), self());
    CHECK(m.ring.complete(m.ring.take()->ticket, 0));
    m.ring.abandon(*ticket);
    m.ring.abandon(*ticket); // twice is harmless
  }
  CHECK(m.free_count() == 4);
}

TEST_CASE("a ticket is good for one use of its slot") {
  RingMemory m(1);
  const auto first = m.ring.submit(request(1), self());
  const auto taken = m.ring.take();
  CHECK(m.ring.complete(taken->ticket, 1));
  CHECK_FALSE(m.ring.complete(taken->ticket, 2));
  CHECK(m.ring.wait(*first) == 1);
  const auto second = m.ring.submit(request(2), self());
  CHECK(m.ring.take().has_value());
  CHECK_FALSE(m.ring.complete(taken->ticket, 3));
  CHECK_FALSE(m.ring.complete(Ticket{99, 0}, 3));
  CHECK_FALSE(m.ring.is_done(*second));
  CHECK(m.ring.wait(*first).error().value == EPROTO);
  CHECK(m.ring.wait(Ticket{99, 0}).error().value == EINVAL);
}

TEST_CASE("the fence ends pending and later requests with its errno") {
  RingMemory m(8);
  const auto queued = m.ring.submit(request(1), self());
  const auto taken_one = m.ring.submit(request(2), self());
  const auto done = m.ring.submit(request(3), self());
  const auto first = m.ring.take();
  const auto second = m.ring.take();
  const auto third = m.ring.take();
  CHECK(m.ring.complete(third->ticket, 33));
  CHECK(m.ring.submit(request(4), self(), Ring::Reply::none).has_value());
  CHECK(m.ring.fail_all(EIO) == 3);
  CHECK(m.ring.wait(*queued) == -EIO);
  CHECK(m.ring.wait(*taken_one) == -EIO);
  CHECK(m.ring.wait(*done) == 33);
  CHECK_FALSE(m.ring.complete(first->ticket, 1));
  CHECK_FALSE(m.ring.complete(second->ticket, 1));
  CHECK(m.ring.submit(request(5), self()).error().value == EIO);
  CHECK(m.ring.fail_all(EIO) == 0);
  CHECK(m.free_count() == 8);
}

TEST_CASE("the fence completes what a responder left between beginning and end") {
  RingMemory m(2);
  const auto ticket = m.ring.submit(request(1), self());
  const auto taken = m.ring.take();
  CHECK(slot::begin_finish(m.slot(taken->ticket.slot), taken->ticket.sequence, wire::SlotPhase::taken));
  CHECK(m.ring.fail_all(EHOSTDOWN) == 1);
  CHECK(m.ring.wait(*ticket) == -EHOSTDOWN);
}

TEST_CASE("a sleeping requester is woken by the answer and by the fence") {
  for (const bool fenced : {false, true}) {
    RingMemory m(2);
    std::thread target([&] {
      while (m.ring.empty()) usleep(100);
      const auto taken = m.ring.take();
      usleep(20000); // far longer than the requester stays awake
      if (fenced)
        m.ring.fail_all(EIO);
      else
        m.ring.complete(taken->ticket, 7);
    });
    CHECK(m.ring.wait(*m.ring.submit(request(1), self())) == (fenced ? -EIO : 7));
    target.join();
  }
}

TEST_CASE("a wait with a limit ends and the ticket stays valid") {
  RingMemory m(2);
  const auto ticket = m.ring.submit(request(1), self());
  Ring::Waiting waiting;
  waiting.timeout_ns = 1000000;
  CHECK(m.ring.wait(*ticket, waiting).error().value == ETIMEDOUT);
  CHECK(m.ring.complete(m.ring.take()->ticket, 5));
  CHECK(m.ring.wait(*ticket, waiting) == 5);
}

static void on_alarm(int) {}

TEST_CASE("a signal ends an interruptible wait only") {
  RingMemory m(2);
  struct sigaction action {};
  action.sa_handler = on_alarm; // no SA_RESTART
  sigaction(SIGALRM, &action, nullptr);
  const auto ticket = m.ring.submit(request(1), self());
  itimerval every{{0, 5000}, {0, 5000}}, never{};
  setitimer(ITIMER_REAL, &every, nullptr);
  CHECK(m.ring.wait_interruptible(*ticket, {}).error().value == EINTR);
  const auto uninterrupted = m.ring.wait(*ticket, {WaitPolicy::sleep_at_once(), wire::kCpuUnknown, 1000000});
  CHECK(uninterrupted.error().value == ETIMEDOUT);
  setitimer(ITIMER_REAL, &never, nullptr);
  std::atomic<uint32_t> interrupted{1};
  CHECK(m.ring.wait_interruptible(*ticket, {}, &interrupted).error().value == EINTR);
  CHECK(m.ring.complete(m.ring.take()->ticket, 5));
  CHECK(m.ring.wait_interruptible(*ticket, {}, &interrupted) == 5); // an answer that is there is not thrown away
}

TEST_CASE("only a ring that fits is opened") {
  RingMemory m(4);
  auto* header = static_cast<wire::RingHeader*>(m.ring_start());
  CHECK(Ring::open(m.ring_start(), m.ring_bytes()).has_value());
  CHECK(Ring::open(m.ring_start(), wire::ring_bytes(4) - 1).error().value == EPROTO);
  CHECK(Ring::open(m.ring_start(), 8).error().value == EINVAL);
  CHECK(Ring::open(static_cast<char*>(m.ring_start()) + 8, m.ring_bytes()).error().value == EINVAL);
  SUBCASE("magic") { header->magic ^= 1; }
  SUBCASE("version") { header->version++; }
  SUBCASE("no slots") { header->slot_count = 0; }
  SUBCASE("too many slots") { header->slot_count = wire::kSlotCountMax + 1; }
  SUBCASE("more slots than memory") { header->slot_count = 1000; }
  SUBCASE("source") { header->source = kNodeCountMax; }
  SUBCASE("target") { header->target = 0xffffffff; }
  CHECK(Ring::open(m.ring_start(), m.ring_bytes()).error().value == EPROTO);
  CHECK(Ring::create(m.ring_start(), m.ring_bytes(), {0}, {1}, 0).error().value == EINVAL);
  CHECK(Ring::create(m.ring_start(), m.ring_bytes(), {0}, {kNodeCountMax}, 1).error().value == EINVAL);
  CHECK(Ring::create(m.ring_start(), 64, {0}, {1}, 1).error().value == EINVAL);
}

TEST_CASE("a tool sees what is in a ring") {
  RingMemory m(4, 2, 3);
  const auto done = m.ring.submit(request(1), self());
  CHECK(m.ring.submit(request(2), self()).has_value());
  CHECK(m.ring.submit(request(3), self()).has_value());
  CHECK(m.ring.complete(m.ring.take()->ticket, 0));
  CHECK(m.ring.take().has_value());
  const auto report = report_ring({static_cast<const std::byte*>(m.ring_start()), m.ring_bytes()});
  REQUIRE(report.has_value());
  CHECK(report->source == NodeId{2});
  CHECK(report->target == NodeId{3});
  CHECK(report->slot_count == 4);
  CHECK(report->free_count == 1);
  CHECK(report->waiting_count == 1);
  CHECK(report->taken_count == 1);
  CHECK(report->done_count == 1);
  CHECK(report->taken_total == 2);
  CHECK(report_ring({static_cast<const std::byte*>(m.ring_start()), 100}).error().value == EINVAL);
  CHECK(m.ring.wait(*done) == 0);
}
