// SPDX-License-Identifier: Apache-2.0
// A body and its shadow are two processes to their kernels. What Linux keeps for each process, and a call that is performed
// at either must find, is changed in both: the working folder, the mask of modes, the user and what it may do, how long files
// may become. Each returns nothing if the call is this node's alone.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

std::optional<long> change_folder(const Call& call); // chdir, fchdir; where files are not common, of the shadow alone
std::optional<long> mask_modes(const Call& call);    // umask
std::optional<long> change_credentials(const Call& call); // setresuid, setgroups, capset and their like
std::optional<long> change_rights(const Call& call);      // prctl that concerns them
std::optional<long> limit_files(const Call& call);        // setrlimit, prlimit: RLIMIT_FSIZE

} // namespace sp
