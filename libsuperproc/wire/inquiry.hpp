// SPDX-License-Identifier: Apache-2.0
// A call about a process by its number (nice value, scheduling, processors, limits), which only the kernel of its node can
// perform. Who makes it on another node claims an *inquiry*, writes the call, the memory that it reads and the caller's
// rights there, and asks the spd of that node (NodeOperation::call_about); that one copies all, judges the copy, performs the
// call as one with those rights (spd/inquiries.cpp), and writes there what the kernel has written.
//
//   claimant   0 -> a thread's number    by that thread; only inquiries of its own node's share
//              -> 0                      by the same, when it has taken what was written
//              dead thread's -> another  by who finds none free, and no such thread on its node
// What if it dies here? The claimant: see above; what spd may still write is nobody's, or garbles one answer. spd: its node
// dies, and the request is answered with the fence's errno.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp::wire {

inline constexpr uint32_t kInquiryMemoryMax = 1024;
inline constexpr uint32_t kInquiriesOfNode = 16;
inline constexpr uint64_t kInquiryBytes = 4096;

struct Inquiry {
  std::atomic<int32_t> claimant;
  uint32_t number; // of the call
  int32_t process; // of the claimant
  uint64_t arguments[6];
  Credentials rights;
  int64_t result;
  alignas(8) uint8_t in[kInquiryMemoryMax]; // what the call's pointer for reading leads to
  uint8_t out[kInquiryMemoryMax];
};
static_assert(sizeof(Inquiry) <= kInquiryBytes && std::is_standard_layout_v<Inquiry>);

inline constexpr uint32_t kInquiryCount = kNodeCountMax * kInquiriesOfNode;
inline constexpr uint64_t kInquiries = kClusterBase + (48ull << 20);
static_assert(kAccounts + sizeof(Accounts) <= kInquiries && kInquiries + kInquiryCount * kInquiryBytes <= kMovedBase);

inline Inquiry& inquiry(uint32_t index) { return *reinterpret_cast<Inquiry*>(kInquiries + index * kInquiryBytes); }

} // namespace sp::wire
