// SPDX-License-Identifier: Apache-2.0
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
namespace sp::spctl {
int bench(const BenchOptions&) { return own_error("bench: not in this build yet"); }
} // namespace sp::spctl
