// SPDX-License-Identifier: Apache-2.0
// Writes what was found in a static program into the room that the shim has in it (own_table.hpp).
#pragma once
#include <string>
#include <vector>

#include "shim/sites/finder.hpp"

namespace sp::sites {

// "" or what is wrong, a line for people without the file's name.
std::string embed(const std::string& path, const std::vector<Site>& sites);

} // namespace sp::sites
