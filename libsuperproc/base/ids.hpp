// SPDX-License-Identifier: Apache-2.0
// Strong identifiers. Each is a number of its own type, so that a node's number cannot be passed where a process's is
// meant; only the module that owns a kind converts it from and to plain numbers.
#pragma once
#include <compare>
#include <cstdint>

namespace sp {

template <class Tag, class Number>
struct Id {
  Number value;
  friend constexpr auto operator<=>(Id, Id) = default;
};

using NodeId = Id<struct NodeTag, uint32_t>;    // index of a node in its cluster, from 0
using Vpid = Id<struct VpidTag, int32_t>;       // cluster-wide process number
using HostPid = Id<struct HostPidTag, int32_t>; // the number a kernel gave to a process
using HostTid = Id<struct HostTidTag, int32_t>; // the number a kernel gave to a thread

inline constexpr uint32_t kNodeCountMax = 16;

} // namespace sp
