// SPDX-License-Identifier: Apache-2.0
// Has the kernel ask spd about the calling thread's calls, and about those of all that it starts (spd/supervisor.hpp).
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp::vfd {

// The listener's descriptor, closed at exec; -errno. Who may not install filters otherwise gives up set-user-ID programs.
inline long install_notified_filter() {
  constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | (1u << 5); // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
  wire::NotifiedFilter& filter = wire::notified_filter();
  const uint32_t length = filter.length;
  if (length == 0 || length > wire::kFilterLengthMax) return -ENOSYS;
  const sock_fprog program{static_cast<unsigned short>(length), reinterpret_cast<sock_filter*>(filter.instructions)};
  const long listener = sys::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program);
  if (listener != -EACCES) return listener;
  sys::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return sys::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program);
}

} // namespace sp::vfd
