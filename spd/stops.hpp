// SPDX-License-Identifier: Apache-2.0
// A stop that reaches a shadow from whoever knows of no bodies (a kernel, or a user from outside the cluster). A shadow can
// neither catch SIGSTOP nor tell; so this node's spd looks at the state of its shadows, and has the bodies stopped.
//
//   shadow stopped    seen within a tenth of a second: its body's node is asked to stop the body (stop_body), and not to
//                     report that stop, of which the shadow knows
//   shadow continued  by SIGCONT, which it hands on to its body as any other signal. One that comes between the look and the
//                     request would be overtaken: who has asked looks again, and lets the body go on
// A shadow that has stopped because its body has is asked for as well: to stop a stopped process changes nothing. How often
// it has run tells a new stop from the last one.
#pragma once
#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

void shadow_appears();
void shadow_disappears();
[[noreturn]] void watch_stops(NodeId self);

} // namespace sp::spd
