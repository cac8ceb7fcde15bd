// SPDX-License-Identifier: Apache-2.0
// Mapping a memfd; the segment's offset is the file's.
#include "gnttab-shm/backend/embedded/embedded.hpp"
#include "gnttab-shm/backend/placed_mapping.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp {

Result<Mapping> EmbeddedBackend::map(Segment segment, const MapRequest& request) {
  TRY_VOID(checked_request(segment, request));
  return map_placed(segment.id.value, request.offset, request);
}

Result<void> EmbeddedBackend::unmap(Mapping mapping) {
  TRY_VOID(from_raw(sys::call(SYS_munmap, mapping.start, mapping.bytes)));
  return {};
}

} // namespace sp
