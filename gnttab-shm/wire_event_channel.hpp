// SPDX-License-Identifier: Apache-2.0
// A node's doorbell as it lies in shared memory: one cache line. It is written only when the node sleeps, wakes, or
// moves to another processor, so that looking at it is cheap for everybody while the node is awake.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sp::wire {

inline constexpr uint32_t kEventChannelMagic = 0x31636570; // "pec1"

inline constexpr uint32_t kBellSourceMask = 0x0000ffff; // bit n: node n rang while this node slept
inline constexpr uint32_t kBellLocal = 1u << 16;        // somebody of this node itself wants the agent's attention
inline constexpr uint32_t kBellSleeping = 1u << 31;     // set and cleared by the consumer only

inline constexpr uint32_t kCpuUnknown = 0xffffffff;

struct alignas(64) EventChannelLine {
  std::atomic<uint32_t> word; // the futex word
  uint32_t magic;
  std::atomic<uint32_t> consumer_cpu; // where the consumer ran last; written by it
  std::atomic<uint32_t> producer_cpu; // where the last ringer ran; written by ringers when it changes
  std::atomic<uint64_t> wake_count;   // doorbells that needed the kernel
  std::atomic<uint64_t> sleep_count;  // times the consumer went to sleep
  uint32_t reserved[8];
};
static_assert(sizeof(EventChannelLine) == 64 && std::is_standard_layout_v<EventChannelLine>);
static_assert(offsetof(EventChannelLine, wake_count) == 16);

} // namespace sp::wire
