// SPDX-License-Identifier: Apache-2.0
// prctl: most of it concerns the calling thread. What belongs to the process is home's, or is set in every resident; what a
// thread gives to those that it makes is given to the agents as well.
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/seccomp.hpp"

namespace sp {

namespace {
constexpr int kSetSyscallUserDispatch = 59, kSetMdwe = 65, kSetMemoryMerge = 67, kSetIoFlusher = 57;
}

long sys_prctl(Call& call) {
  switch (call.number_arg(0)) {
    case kSetSyscallUserDispatch: // ours
      return -EINVAL;
    case PR_SET_MM: return is_shared() ? -EINVAL : call.pass();
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG: return at_home() || !is_shared() ? call.pass() : prctl_at_home(call.arg(0), call.arg(1));
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_CHILD_SUBREAPER: return pass_home(call);
    case PR_SET_DUMPABLE:
    case PR_SET_THP_DISABLE:
    case PR_SET_PTRACER:
    case PR_SET_NO_NEW_PRIVS:
    case PR_SET_KEEPCAPS:
    case PR_SET_SECUREBITS:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT:
    case kSetMdwe:
    case kSetMemoryMerge:
    case kSetIoFlusher: return pass_everywhere(call);
    case PR_SET_SECCOMP:
      return call.arg(1) == SECCOMP_MODE_FILTER && call.arg(2) ? install_program_filter(call, 2, 0) : call.pass();
    default: return call.pass();
  }
}

} // namespace sp
