// SPDX-License-Identifier: Apache-2.0
// Nodes that are Xen domains: `spctl run --backend xen` and `spctl join`, in a program of their own, sp-xen, since they need
// Xen's libraries.
//
// Who starts whom. In the first domain spctl makes the cluster segment, a range of its memory that the other domains may
// map, and forks the cluster's parent, as for isolated nodes. That one starts the first node's spd, links with the other
// domains, and tells them of the range. In each other domain `spctl join FIRST` waits for that; a child of it maps the range,
// finds which node it is, and starts that node's spd. Within its domain each node is an isolated one, in namespaces, with
// leased process numbers, a keeper and a board; the parent and those children are the ringers, by an event channel for each
// other domain.
//
// Who dies when. A node: its ringer sees its spd end and withdraws its offer; the first domain's parent sees that, or that
// the ringer's beat has stopped for kSilenceMs (it was killed, its domain destroyed or paused), and fences the node. The
// first node, or its ringer: the others see the same, and end theirs. A pair of other nodes needs no link: only the first
// node's domain and the others are linked, so lines for third nodes go through the first.
#pragma once
#include "spctl/domains.hpp"

namespace sp::spctl {

// As make_segments() and begin_nodes().
tl::expected<Segments, Refusal> make_domain_segments(const RunSettings& settings, const std::string& name);
Begun begin_domains(const Launch& launch, const std::vector<int>& kept);

// `spctl join FIRST`: this domain is a node of the clusters that domain FIRST starts, one after the other.
int be_node_of(const JoinOptions& options);

} // namespace sp::spctl
