// SPDX-License-Identifier: Apache-2.0
// A program as it is handed from one node to another (wire::Departure), copied out of shared memory and taken apart.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

struct Departed {
  Departed() = default;
  Departed(const Departed&) = delete; // what it points to is in its text
  std::string text;
  const char* path;
  const char* folder;
  std::vector<char*> arguments, environment;
  wire::Departure departure;
};

// Nothing: it says more than there is.
bool read_departure(uint32_t record, Departed& program);

// Signals that this process ignores or handles; looked up once, before there are children.
uint64_t own_actions();

// In a child: the mask, and the default actions but for what is ignored.
void default_signals(uint64_t mask, uint64_t ignored);

// Gives the calling process the program's folder, limits and signals, and executes it. Returns the errno of what failed.
int become(const Departed& program);

} // namespace sp::spd
