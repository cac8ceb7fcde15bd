// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/view/segment_view.hpp"

#include <boost/interprocess/exceptions.hpp>

namespace sp {

namespace {
// What Boost.Interprocess asks of a thing that can be mapped.
struct OpenDescriptor {
  int descriptor;
  boost::interprocess::mapping_handle_t get_mapping_handle() const { return {descriptor, false}; }
};
} // namespace

Result<SegmentView> SegmentView::create(Segment segment, uint64_t offset, uint64_t bytes) {
  namespace ipc = boost::interprocess;
  if (bytes == 0 || offset > segment.bytes || bytes > segment.bytes - offset) return fail(EINVAL);
  try {
    return SegmentView(ipc::mapped_region(OpenDescriptor{segment.id.value}, ipc::read_only,
                                          static_cast<ipc::offset_t>(offset), bytes));
  } catch (const ipc::interprocess_exception& error) {
    return fail(error.get_native_error() ? error.get_native_error() : EINVAL);
  }
}

} // namespace sp
