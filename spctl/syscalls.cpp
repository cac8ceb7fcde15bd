// SPDX-License-Identifier: Apache-2.0
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
namespace sp::spctl {
int syscalls(const SyscallsOptions&) { return own_error("syscalls: not in this build yet"); }
} // namespace sp::spctl
