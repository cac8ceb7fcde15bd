// SPDX-License-Identifier: Apache-2.0
// The skeleton is honest: it claims nothing, and each of its operations says ENOSYS, so that waiting on it ends at
// once.
#include <doctest/doctest.h>

#include "gnttab-shm/backend/skeleton/skeleton.hpp"
#include "gnttab-shm/event_channel.hpp"
#include "gnttab-shm/ring.hpp"

using namespace sp;

TEST_CASE("the skeleton answers ENOSYS to everything and claims no capability") {
  SkeletonBackend backend;
  CHECK(backend.capabilities() == Capabilities{});
  CHECK(backend.create("test", 4096).error().value == ENOSYS);
  CHECK(backend.open({}).error().value == ENOSYS);
  CHECK(backend.name({}).error().value == ENOSYS);
  CHECK(backend.map({}, {}).error().value == ENOSYS);
  CHECK(backend.unmap({}).error().value == ENOSYS);
  CHECK(backend.discard({}, 0, 4096).error().value == ENOSYS);
  CHECK(backend.close({}).error().value == ENOSYS);
}

TEST_CASE("waiting with a bell that cannot sleep ends with ENOSYS instead of spinning for ever") {
  alignas(64) static wire::EventChannelLine line;
  const auto channel = BasicEventChannel<SkeletonBell>::create(&line);
  CHECK(channel.wait(WaitPolicy::sleep_at_once(), [] { return false; }).error().value == ENOSYS);
  alignas(128) static char memory[wire::ring_bytes(2)];
  auto ring = BasicRing<SkeletonBell>::create(memory, sizeof memory, {0}, {1}, 2);
  const auto ticket = ring->submit({}, HostTid{1});
  CHECK(ring->wait(*ticket, {WaitPolicy::sleep_at_once(), wire::kCpuUnknown, -1}).error().value == ENOSYS);
}
