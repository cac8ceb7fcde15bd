// SPDX-License-Identifier: Apache-2.0
// What backends whose segments are files map alike: a part of a file, at a place of the caller's or the kernel's
// choice, and on a 2 MiB boundary where that is asked for.
#pragma once
#include "gnttab-shm/segment.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

// EINVAL unless the request is of whole pages and inside the segment.
Result<void> checked_request(Segment segment, const MapRequest& request);
// Maps request.bytes of the file from this offset, shared. Errors: EEXIST where Address::fixed finds something, EINVAL.
Result<Mapping> map_placed(int descriptor, uint64_t file_offset, const MapRequest& request);

} // namespace sp
