// SPDX-License-Identifier: Apache-2.0
// Whether isolated nodes can be had here: two of them are made, and a program on the first starts one on the second.
#pragma once
#include <cstdint>
#include <string>

namespace sp::spctl {

struct IsolationProbe {
  std::string obstacle; // why they cannot be made; empty: they can
  bool moved;           // the second program ran on the second node
};

IsolationProbe probe_isolation(const std::string& library);

} // namespace sp::spctl
