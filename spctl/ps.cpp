// SPDX-License-Identifier: Apache-2.0
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
namespace sp::spctl {
int ps(const PsOptions&) { return own_error("ps: not in this build yet"); }
} // namespace sp::spctl
