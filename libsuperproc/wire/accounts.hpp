// SPDX-License-Identifier: Apache-2.0
// What processes have used on nodes whose kernels do not tell it to their parents: a body's CPU time is known where it ran,
// wait4(2) of its parent reads the one of its shadow. An *account* is what is to be added to a kernel's own figures of the
// process with a number; most have none.
//
//   self       of bodies of this process that are gone       spd of the body's node, before it reports the end
//              of its threads on other nodes                home, before it ends
//   children   of children that this process has waited for  itself, when wait has told that one ended: both of the child's
//                                                            account, which is then closed
//   copied     bytes of this process's memory that its fork's   the child; set to zero by the process itself
//              children took along when they moved
//
// An account is opened by who first adds to it, which is one exchange of its number; it is found in the eight places that
// its number may have. Who finds none of them free takes the first. What nobody waits for (by a program without the shim)
// stays until a new process has the number, or another the place. What if somebody dies in between? Some figures are added
// and others not: nobody waits for them, and they are judged by nobody.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace sp::wire {

// As in struct rusage, times in microseconds.
enum UsageField : uint32_t {
  kUsedUserUs,
  kUsedSystemUs,
  kUsedMaxResident, // the most, not the sum
  kUsedMinorFaults,
  kUsedMajorFaults,
  kUsedBlocksIn,
  kUsedBlocksOut,
  kUsedVoluntarySwitches,
  kUsedInvoluntarySwitches,
  kUsageFieldCount
};

struct Account {
  std::atomic<uint64_t> self[kUsageFieldCount];
  std::atomic<uint64_t> children[kUsageFieldCount];
  std::atomic<uint64_t> copied;
};

inline constexpr uint32_t kAccountCount = 4096;
inline constexpr uint32_t kAccountPlaces = 8; // of a number
struct Accounts {
  std::atomic<int32_t> pid[kAccountCount]; // 0: free, and then the account is all zero
  Account accounts[kAccountCount];
};
static_assert(std::is_standard_layout_v<Accounts>);

} // namespace sp::wire
