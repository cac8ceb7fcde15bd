// SPDX-License-Identifier: Apache-2.0
// The range of memory that is a cluster's segment, in the domains that have it.
#pragma once
#include <optional>
#include <vector>

#include "gnttab-shm/backend/xen/range_place.hpp"
#include "spctl/cluster_segment.hpp"
#include "spctl/message.hpp"

namespace sp::spctl {

inline constexpr uint32_t kDomainRecords = 32; // 128 MiB with all else

// Of the cluster that this process begins.
struct DomainRange {
  xen::DomainId self{-1};
  uint32_t id = 0;
  std::vector<int> domains; // of the nodes but the first
};
DomainRange& domain_range();

// In the offers of a link (gnttab-shm/backend/xen/link.hpp) a range is named so; 0 is no name.
inline constexpr int32_t kRangeMark = 1 << 30;

// A range's memory as files (gnttab-shm/module): the cluster segment, which is mapped at its place, and each node's pool, which
// share what is left alike. They are mounted nowhere, and gone with their descriptors. This process and those that it forks
// use the range until they end. There are no boards yet.
tl::expected<Segments, Refusal> open_range(const xen::PlacedRange& placed, uint32_t node_count);
bool add_board(Segments& segments, uint32_t node);
// Of the cluster that somebody has made there.
tl::expected<uint32_t, Refusal> node_count_of(const xen::PlacedRange& placed);

// What keeps this domain from being a node at all, and what to do.
std::optional<Refusal> lack_of_this_domain();

// Domains that have said they are nodes of this one's clusters.
tl::expected<std::vector<int>, Refusal> willing_domains(uint32_t count);

} // namespace sp::spctl
