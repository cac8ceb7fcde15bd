// SPDX-License-Identifier: Apache-2.0
// How a thread sleeps on a word of granted memory. No kernel has futexes on such pages (they belong to no file), and an
// event channel names no word. So each domain has a *board* of 64 futex words of its own, and a word of shared memory
// belongs to the line of the board that its place in its page says, which is the same in every mapping of the page.
//
// Protocol. The sleeper reads its line's count, then the word, then sleeps while the count stays. Who wakes has changed
// the word before; it raises the count in its own domain and wakes all who sleep there, then, for each peer, sets the
// line's bit in the peer's mask (in the link's page) and rings, unless the bit was set already: then somebody else's
// ring is still on its way. The peer's ringer (link.hpp) takes all bits, and raises and wakes their lines.
// So a wake-up may wake too many, who look again, but none is lost. A ringer that is dead is its whole node's death.
// The board is a file of this user in /dev/shm, common to this domain's processes; the links are of the processes that
// inherited them: others of the domain can sleep and wake here but cannot ring (links come first, then fork).
#pragma once
#include <atomic>
#include <cstdint>

#include "gnttab-shm/bell.hpp"

namespace sp::xen {

inline constexpr uint32_t kLineCount = 64;

struct Board {
  std::atomic<uint32_t> counts[kLineCount];
};

// One peer's mask and how to ring it.
struct Ring {
  std::atomic<uint64_t>* mask = nullptr;
  int event_device = -1;
  uint32_t port = 0;
};

struct DomainBell {
  static long sleep(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns);
  static long wake(const volatile uint32_t* word, int count);

  // Wakes these lines' sleepers in this domain; the ringer's.
  static void wake_lines(uint64_t lines);
  // Rings of this process and those that it forks. False: there is no room for more.
  static bool add_ring(Ring ring);
  static void remove_ring(const std::atomic<uint64_t>* mask);
};
static_assert(Bell<DomainBell>);

} // namespace sp::xen
