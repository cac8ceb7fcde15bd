// SPDX-License-Identifier: Apache-2.0
// What spctl does over Xen domains, in the program that has Xen's libraries (spctl/xen); spctl itself becomes that one.
#pragma once
#include "spctl/cluster_parent.hpp"
#include "spctl/commands.hpp"

namespace sp::spctl {

struct OverDomains {
  tl::expected<Segments, Refusal> (*make_segments)(const RunSettings& settings, const std::string& name) = nullptr;
  Begun (*begin)(const Launch& launch, const std::vector<int>& kept) = nullptr; // as begin_nodes()
  int (*join)(const JoinOptions& options) = nullptr;
};
extern OverDomains over_domains; // nothing: this is spctl

// Becomes sp-xen with this process's arguments. Returns if that is not there.
int become_sp_xen();

} // namespace sp::spctl
