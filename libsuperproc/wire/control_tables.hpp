// SPDX-License-Identifier: Apache-2.0
// Where the shim's shared tables lie in the control segment, behind SubProcessControl. Each room owns the layout of its
// table; this file only gives the places, so that they do not overlap and spctl finds them.
#pragma once
#include "libsuperproc/wire/subprocess.hpp"

namespace sp::wire {

inline constexpr uint64_t kMegabyte = 1ull << 20;

inline constexpr uint64_t kSignalTable = kControlBase + kControlStateOffset; // signal/actions.hpp
inline constexpr uint64_t kMemoryTable = kSignalTable + kMegabyte;           // memory/address_space.hpp
inline constexpr uint64_t kSourceTable = kMemoryTable + kMegabyte / 2;       // memory/file_source.cpp
inline constexpr uint64_t kQueueTable = kMemoryTable + kMegabyte;            // cluster/queues.hpp: one for each node
inline constexpr uint64_t kQueueBytes = kMegabyte;
inline constexpr uint64_t kForkTable =
    kQueueTable + kNodeCountMax * kQueueBytes; // process/fork.cpp; stays shared in a child
inline constexpr uint64_t kForkBytes = 64 << 10;
inline constexpr uint64_t kProcessTable = kForkTable + kMegabyte; // process/process_table.hpp

inline constexpr uint64_t kCpuTimerTable = kProcessTable + 128 * 1024; // process/cpu_timers.cpp

// VMA maps (memory/vma_map.hpp), a pool each
inline constexpr uint64_t kVmaBytes = 8 * kMegabyte;
inline constexpr uint64_t kVmaImage = kControlBase + 64 * kMegabyte;
inline constexpr uint64_t kVmaArenas = kVmaImage + kVmaBytes;
inline constexpr uint64_t kVmaFiles = kVmaArenas + kNodeCountMax * kVmaBytes;

inline constexpr uint64_t kWaiterTable = kVmaFiles + kNodeCountMax * kVmaBytes; // sync/waiter_table.hpp
inline constexpr uint64_t kWaiterBytes = 8 * kMegabyte;
static_assert(kWaiterTable + kWaiterBytes <= kControlBase + kControlBytes);

// The node's own region, at kNodeBase; private to each resident.
inline constexpr uint64_t kNodeTls = kNodeBase + (64 << 10); // thread-local storage of service threads
inline constexpr uint64_t kNodeServiceBytes = 256 << 10;     // one service thread's stack and TLS
inline constexpr uint64_t kNodeAgent = kNodeBase + kMegabyte;
inline constexpr uint64_t kNodeReaper = kNodeAgent + kNodeServiceBytes;
inline constexpr uint64_t kNodeForkChild = kNodeReaper + kNodeServiceBytes;
inline constexpr uint64_t kNodeReceiver = kNodeForkChild + kNodeServiceBytes;
inline constexpr uint64_t kNodeProxies = kNodeBase + 2 * kMegabyte;
inline constexpr uint32_t kNodeProxyCount = 32;
inline constexpr uint64_t kNodeScratch =
    kNodeProxies + kNodeProxyCount * kNodeServiceBytes; // /proc/self/maps while converting
inline constexpr uint64_t kNodeScratchBytes = 16 * kMegabyte;
inline constexpr uint64_t kNodeCpuWatch = kNodeScratch + kNodeScratchBytes;
inline constexpr uint64_t kNodeExits = kNodeCpuWatch + kNodeServiceBytes; // process/last_step.cpp
inline constexpr uint32_t kNodeExitCount = 16;
inline constexpr uint64_t kNodeExitBytes = 16 << 10;
static_assert(kNodeExits + kNodeExitCount * kNodeExitBytes <= kNodeBase + kNodeBytes);

} // namespace sp::wire
