// SPDX-License-Identifier: Apache-2.0
// Memory for a ring and a doorbell that a test and its forked children share.
#pragma once
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gnttab-shm/event_channel.hpp"
#include "gnttab-shm/ring.hpp"

namespace sp::test {

inline HostTid self() { return {static_cast<int32_t>(sys::call(SYS_gettid))}; }

class RingMemory {
public:
  explicit RingMemory(uint32_t slot_count, uint32_t source = 0, uint32_t target = 1) {
    bytes_ = 4096 + (wire::ring_bytes(slot_count) + 4095) / 4096 * 4096;
    start_ = static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(start_ != MAP_FAILED);
    channel = EventChannel::create(reinterpret_cast<wire::EventChannelLine*>(start_));
    auto made = Ring::create(ring_start(), ring_bytes(), NodeId{source}, NodeId{target}, slot_count);
    REQUIRE(made.has_value());
    ring = *made;
  }
  RingMemory(const RingMemory&) = delete;
  ~RingMemory() { munmap(start_, bytes_); }

  void* ring_start() { return start_ + 4096; }
  uint64_t ring_bytes() const { return bytes_ - 4096; }
  wire::Slot& slot(uint32_t i) {
    return reinterpret_cast<wire::Slot*>(static_cast<wire::RingHeader*>(ring_start()) + 1)[i];
  }
  uint32_t free_count() {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring.slot_count(); ++i) count += slot(i).owner_tid.load() == 0;
    return count;
  }

  Ring ring;
  EventChannel channel;

private:
  char* start_;
  uint64_t bytes_;
};

inline Request request(uint32_t operation, uint64_t first = 0) {
  Request r;
  r.operation = operation;
  r.arguments[0] = first;
  return r;
}

} // namespace sp::test
