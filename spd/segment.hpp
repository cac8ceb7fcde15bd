// SPDX-License-Identifier: Apache-2.0
// The cluster segment in spd and in shadows.
#pragma once
namespace sp::spd {
// Maps it at its fixed address and checks whose it is. Ends the process with a message otherwise.
void map_cluster(int descriptor);
} // namespace sp::spd
