// SPDX-License-Identifier: Apache-2.0
// The agent: one thread for each node that serves the requests of the others. It never blocks for long (what may is given
// to a proxy) and never asks another node, so agents cannot wait for each other in a circle.
#pragma once
#include "libsuperproc/base/result.hpp"

namespace sp {

Result<> start_home_agent(); // which makes the residents
void await_residents();

} // namespace sp
