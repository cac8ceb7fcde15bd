// SPDX-License-Identifier: Apache-2.0
// Records of which nobody is left who would free them: the process that claimed one has died before anybody watched it, or
// the body has ended and never had a shadow. Whoever else may still act on a record does so in far less than kForsakenNs;
// only then it is freed, if it is still the same use of it.
//
//   claimed   by the spd of the claimant's node: the claimant is gone, and so is the child that it made
//   ended     by the spd of the shadow's node: there is no shadow
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

inline constexpr int64_t kForsakenNs = 3'000'000'000;

class Forsaken {
public:
  explicit Forsaken(NodeId self) : self_(self) {}
  void look(); // from time to time, by the agent

private:
  struct Seen {
    uint32_t use;
    int64_t since_ns; // 0: not forsaken
  };
  bool is_forsaken(const wire::Moved& m) const;

  NodeId self_;
  Seen seen_[wire::kMovedCountMax] = {};
};

} // namespace sp::spd
