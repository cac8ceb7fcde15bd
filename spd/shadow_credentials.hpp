// SPDX-License-Identifier: Apache-2.0
// Whose files a shadow may open: those of its body's user, also after the body has become another one. To the kernel each
// thread has an identity of its own; each thread of the shadow takes the newest one on before it performs a call. The main
// thread, which performs none, keeps the old one.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

void have_credentials(const wire::Credentials& given); // a copy that nobody changes
void take_on_credentials();                         // by the calling thread

} // namespace sp::spd
