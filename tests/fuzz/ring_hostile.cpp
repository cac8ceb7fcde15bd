// SPDX-License-Identifier: Apache-2.0
// rooms: base gnttab_shm
// A ring whose other side is hostile or broken: the target, the fence, the requester and the tool that reports must
// end, stay within the ring's memory, and take no request twice. The first byte chooses between an image as it is and a
// good ring that is spoiled; of the rest, records of (offset, value) spoil it between steps.
#include <cstring>

#include "gnttab-shm/ring.hpp"
#include "gnttab-shm/view/ring_report.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sp;
using fuzz::Bytes;
using fuzz::insist;

constexpr uint32_t kSlotCount = 8;
constexpr uint64_t kRingBytes = wire::ring_bytes(kSlotCount);
constexpr uint64_t kGuardBytes = 256;
constexpr char kGuard = 0x5a;

alignas(128) char memory[kGuardBytes + kRingBytes + kGuardBytes];
char* const ring_start = memory + kGuardBytes;

void spoil(Bytes& bytes) {
  const uint64_t at = bytes.next<uint16_t>() % (kRingBytes - 3);
  const auto value = bytes.next<uint32_t>();
  std::memcpy(ring_start + at, &value, bytes.data[-1] % 2 ? 4 : 1);
}

void drain(Ring ring, bool complete) {
  uint32_t taken_count = 0;
  while (const auto taken = ring.take()) {
    insist(taken->ticket.slot < ring.slot_count(), "a slot beyond the ring");
    insist(++taken_count <= ring.slot_count(), "more requests than slots");
    if (complete) ring.complete(taken->ticket, 1);
  }
}

void exercise(Ring ring, Bytes& bytes) {
  const HostTid me{1 << 20}; // never the number of a thread of this test's
  while (bytes.size > 0) {
    const uint8_t step = bytes.next<uint8_t>();
    switch (step % 8) {
      case 0: drain(ring, step & 8); break;
      case 1:
      case 2:
        if (const auto ticket = ring.submit({}, me, step & 16 ? Ring::Reply::none : Ring::Reply::awaited)) {
          insist(ticket->slot < ring.slot_count(), "a ticket beyond the ring");
          if (step & 32) ring.abandon(*ticket);
          if (step & 64) (void)ring.wait(*ticket, {WaitPolicy::sleep_at_once(), 0, 1000});
        }
        break;
      case 3: ring.complete(Ticket{bytes.next<uint8_t>(), bytes.next<uint32_t>()}, 2); break;
      case 4: insist(ring.fail_all(EIO) <= ring.slot_count(), "failed more requests than there are slots"); break;
      default: spoil(bytes); break;
    }
  }
  (void)report_ring({reinterpret_cast<std::byte*>(ring_start), kRingBytes});
  drain(ring, true);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Bytes bytes{data, size};
  const bool image = bytes.next<uint8_t>() % 4 == 0;
  std::memset(memory, kGuard, sizeof memory);
  if (image) {
    std::memset(ring_start, 0, kRingBytes);
    const size_t image_bytes = size - 1 < kRingBytes ? size - 1 : kRingBytes;
    std::memcpy(ring_start, data + 1, image_bytes);
    bytes.next<uint64_t>();
    auto* header = reinterpret_cast<wire::RingHeader*>(ring_start);
    if (data[0] & 4) { // past the first checks
      header->magic = wire::kRingMagic;
      header->version = wire::kRingVersion;
      header->source = header->target = 1;
      if (data[0] & 8) header->slot_count = 1 + header->slot_count % kSlotCount;
    }
    if (const auto ring = Ring::open(ring_start, kRingBytes)) exercise(*ring, bytes);
  } else if (const auto ring = Ring::create(ring_start, kRingBytes, {0}, {1}, kSlotCount)) {
    exercise(*ring, bytes);
  }
  for (uint64_t i = 0; i < kGuardBytes; ++i)
    insist(memory[i] == kGuard && ring_start[kRingBytes + i] == kGuard, "a write outside of the ring");
  return 0;
}
