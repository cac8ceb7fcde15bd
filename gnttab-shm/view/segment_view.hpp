// SPDX-License-Identifier: Apache-2.0
// A segment mapped read-only for inspection by a tool (hosted only): nothing that a tool does can disturb the cluster,
// and what it reads is copied before it is judged.
#pragma once
#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <span>

#include "gnttab-shm/segment.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

class SegmentView {
public:
  // The segment must stay open only during the call. Errors: EINVAL out of bounds, else the kernel's.
  static Result<SegmentView> create(Segment segment, uint64_t offset, uint64_t bytes);

  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(region_.get_address()), region_.get_size()};
  }

private:
  explicit SegmentView(boost::interprocess::mapped_region&& region) : region_(std::move(region)) {}
  boost::interprocess::mapped_region region_;
};

} // namespace sp
