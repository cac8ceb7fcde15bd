// SPDX-License-Identifier: Apache-2.0
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
namespace sp::spctl {
int maps(const SubProcessOptions&) { return own_error("maps: not in this build yet"); }
} // namespace sp::spctl
