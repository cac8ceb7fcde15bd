// SPDX-License-Identifier: Apache-2.0
// A body's next program is one without the shim: spd of this node performs its calls (spd/supervisor.hpp). The kernel asks
// about them from before exec on; until then, and whenever a later program has the shim, spd lets them pass.
#pragma once

namespace sp {

// False: it cannot be done, and everything is as before.
bool become_supervised();

} // namespace sp
