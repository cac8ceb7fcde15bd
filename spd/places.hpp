// SPDX-License-Identifier: Apache-2.0
// Placeholders in a supervised program (vfd/descriptors.hpp).
#pragma once
#include "spd/notification.hpp"

namespace sp::spd {

// At this number, or at the lowest free one; the number or -errno.
long give_place(const Notification& call, std::optional<uint32_t> place, int close_on_exec);

} // namespace sp::spd
