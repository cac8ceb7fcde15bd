// SPDX-License-Identifier: Apache-2.0
// A requester that dies at each step of a request, and what the others get back.
#include <sys/wait.h>

#include "tests/unit/gnttab-shm/ring_memory.hpp"

using namespace sp;
using namespace sp::test;

namespace {

// Runs `steps` in a process of its own, which is then dead and gone.
template <class F>
void in_a_process_that_dies(F steps) {
  const pid_t child = fork();
  if (child == 0) {
    steps();
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

} // namespace

TEST_CASE("slots of a living thread are not reclaimed") {
  RingMemory m(4);
  CHECK(m.ring.submit(request(1), self()).has_value());
  CHECK(m.ring.reclaim_dead() == 0);
  CHECK(m.free_count() == 3);
}

TEST_CASE("dead after claiming: the slot is free again") {
  RingMemory m(4);
  in_a_process_that_dies([&] { slot::claim(m.slot(2), self()); });
  CHECK(m.free_count() == 3);
  CHECK(m.ring.reclaim_dead() == 1);
  CHECK(m.free_count() == 4);
}

TEST_CASE("dead between filling and pushing: the target frees the slot, and takes what others pushed") {
  RingMemory m(4);
  in_a_process_that_dies([&] {
    slot::claim(m.slot(0), self());
    slot::fill(m.slot(0), request(66), wire::Completion::pending);
  });
  const auto mine = m.ring.submit(request(1), self());
  CHECK(m.ring.reclaim_dead() == 0);
  CHECK_FALSE(m.ring.empty());
  const auto taken = m.ring.take();
  REQUIRE(taken.has_value());
  CHECK(taken->request.operation == 1);
  CHECK(m.ring.complete(taken->ticket, 0));
  CHECK(m.ring.wait(*mine) == 0);
  CHECK_FALSE(m.ring.take().has_value());
  CHECK(m.free_count() == 4);
  CHECK(m.ring.empty());
}

TEST_CASE("dead after pushing: the request is carried out once and its slot is freed by the responder") {
  RingMemory m(4);
  in_a_process_that_dies([&] { (void)m.ring.submit(request(9), self()); });
  CHECK(m.ring.reclaim_dead() == 0);
  const auto taken = m.ring.take();
  REQUIRE(taken.has_value());
  CHECK(taken->request.operation == 9);
  CHECK_FALSE(m.ring.take().has_value());
  CHECK(m.ring.complete(taken->ticket, 0));
  CHECK(m.free_count() == 4);
}

TEST_CASE("dead while the request is being carried out, and dead before reading the result") {
  RingMemory m(4);
  SUBCASE("taken") {
    in_a_process_that_dies([&] { (void)m.ring.submit(request(9), self()); });
    const auto taken = m.ring.take();
    CHECK(m.ring.reclaim_dead() == 0);
    CHECK(m.ring.complete(taken->ticket, 0));
  }
  SUBCASE("done") {
    in_a_process_that_dies([&] { (void)m.ring.submit(request(9), self()); });
    CHECK(m.ring.complete(m.ring.take()->ticket, 0));
    CHECK(m.free_count() == 3);
    CHECK(m.ring.reclaim_dead() == 1);
  }
  CHECK(m.free_count() == 4);
}

TEST_CASE("a full ring of dead requesters is usable again") {
  RingMemory m(8);
  in_a_process_that_dies([&] {
    for (int i = 0; i < 8; ++i) {
      slot::claim(m.slot(i), self());
      if (i % 2) slot::fill(m.slot(i), request(1), wire::Completion::pending);
    }
  });
  CHECK(m.ring.submit(request(1), self()).error().value == EAGAIN);
  CHECK(m.ring.reclaim_dead() == 4);
  CHECK_FALSE(m.ring.take().has_value());
  CHECK(m.free_count() == 8);
}
