// SPDX-License-Identifier: Apache-2.0
// Which calls of a supervised program the kernel asks about, as a BPF program. It sees numbers and arguments, no memory:
//
//   a descriptor below kNotifiedDescriptors   may be the shadow's; others never are, and cost nothing
//   relatives, waits over descriptors, open   may concern the shadow
//   fork, exec, exit                          change who has which shadow
//
// What is never asked about is decided by its number alone, which the kernel remembers in a bitmap.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

void write_notified_filter(wire::NotifiedFilter& filter);

} // namespace sp::spd
