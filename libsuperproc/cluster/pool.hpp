// SPDX-License-Identifier: Apache-2.0
// A process's share of the nodes' pools (wire/pool.hpp).
#pragma once
#include "libsuperproc/cluster/node_mesh.hpp"

namespace sp {

inline constexpr uint32_t kNoSpace = ~0u;

// A space of its own for the calling process, which runs on `here`; kNoSpace: there is none left.
uint32_t claim_space(NodeId here);
// One more holder: the process `pid` of node `here`. Somebody holds it already. 0 or -errno.
long hold_space(uint32_t space, NodeId here, int32_t pid);
// `pid` does not need it any more. The last one's call empties it.
void let_go_space(uint32_t space, NodeId here, int32_t pid);
// ... nor any other, nor a segment: what the calling process holds on `node`, its own or its shadow's.
void let_go_all(NodeId here, NodeId node);

// A descriptor of the node's pool for the caller to close, or -errno.
long open_pool(NodeId node);

// ---- for who sees processes end: `pools` are descriptors of all nodes' pools ----

inline void fewer_holders(uint32_t index, uint32_t count, const int* pools) {
  constexpr int kPunchHole = 3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
  auto& holders = wire::cluster().spaces[index].holders;
  for (uint32_t now = holders.load(); now != wire::kSpaceEmptying && now >= count;) {
    const uint32_t then = now == count ? wire::kSpaceEmptying : now - count;
    if (!holders.compare_exchange_strong(now, then)) continue;
    if (then != wire::kSpaceEmptying) return;
    for (uint32_t n = 0; n < wire::cluster().node_count && n < kNodeCountMax; ++n)
      sys::call(SYS_fallocate, pools[n], kPunchHole, wire::pool_offset(index, 0), wire::kSpaceBytes);
    return holders.store(0);
  }
}

// The node is fenced.
inline void forget_holders(NodeId dead, const int* pools) {
  for (uint32_t space = 0; space < wire::kSpaceCountMax; ++space)
    if (const uint32_t count = wire::cluster().spaces[space].held[dead.value].exchange(0))
      fewer_holders(space, count, pools);
}

} // namespace sp
