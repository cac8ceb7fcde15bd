// SPDX-License-Identifier: Apache-2.0
// Which SubProcess is whose child, over all nodes. The kernel knows the parent of a SubProcess that has moved from its
// shadow; a parent may be a resident or a shadow, which stand for their SubProcess, or a process without the shim, which
// is passed over. What /proc says of several processes is not of one moment: a circle is cut.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "spctl/subprocess_list.hpp"

namespace sp::spctl {

// For each SubProcess the index of its parent in the list, -1: none of them.
std::vector<int32_t> parents_of(const std::vector<SubProcess>& subprocesses);

struct Branch {
  size_t index;
  std::string prefix; // as ps --forest draws it
  uint32_t depth;
};

// Children behind their parent, each once, in the order of the list otherwise.
std::vector<Branch> forest(const std::vector<int32_t>& parents);

int32_t parent_in_stat(const std::string& stat); // of /proc/PID/stat; 0: it is none

} // namespace sp::spctl
