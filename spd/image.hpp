// SPDX-License-Identifier: Apache-2.0
// With --isolate=strict a node but the first has the cluster's image and nothing else: a root of its own with the folders of
// the image to be read, and the machine's devices. It is in the node's mount namespace alone, so it goes with it.
#pragma once

namespace sp::spd {

// In a mount namespace of its own whose mounts are private. False: errno says why.
bool enter_image();

} // namespace sp::spd
