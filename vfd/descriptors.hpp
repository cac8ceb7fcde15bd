// SPDX-License-Identifier: Apache-2.0
// Which of a body's descriptors are its shadow's. Each number is open on one of the two nodes only; where the shadow has
// it, this process has a placeholder under the same number, so that the kernel gives out numbers as the program expects
// and close-on-exec needs no thought. The list is the shadow's, in the record.
#pragma once
#include "vfd/body.hpp"

namespace sp::vfd {

inline uint8_t kind_of(uint64_t descriptor) {
  return descriptor < wire::kVfdCountMax ? record().descriptors[descriptor].load(std::memory_order_relaxed)
                                         : uint8_t{0};
}
inline bool is_remote(uint64_t descriptor) { return kind_of(descriptor) != 0; }
inline bool is_regular(uint64_t descriptor) { return (kind_of(descriptor) & 0xf) == 8; } // S_IFREG >> 12

// Placeholders for all of the shadow's; once, in a body that has just arrived.
void take_places();

// A new placeholder at the lowest free number; -errno.
long new_place(int close_on_exec);

// A call by the shadow whose result is a new open file; it has one number on both nodes.
long open_there(long number, const uint64_t (&arguments)[6], int close_on_exec);

// A descriptor that the shadow alone has gets a number on both nodes: `number`, or the lowest free one (-1).
long place(long descriptor, long number, bool close_on_exec);
// The same for two at once: 0, or -errno and none is left.
long place_pair(int (&pair)[2], bool close_on_exec);

long close_remote(uint64_t descriptor);
long duplicate(uint64_t descriptor, long at_least, int close_on_exec); // F_DUPFD
long duplicate_to(uint64_t descriptor, uint64_t to, int flags);        // dup2, dup3; one of the two is remote

} // namespace sp::vfd
