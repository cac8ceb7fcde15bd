// SPDX-License-Identifier: Apache-2.0
// What this kernel has for the backend `xen`, by files alone: spctl does not need Xen's libraries.
#pragma once
#include <string>

namespace sp::spctl {

struct XenProbe {
  bool in_domain = false;
  bool ready = false;
  std::string what;
  std::string next; // what to do when it is not ready
};

XenProbe probe_xen();

} // namespace sp::spctl
