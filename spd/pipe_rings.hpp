// SPDX-License-Identifier: Apache-2.0
// The first node's part in pipes between bodies (wire/pipe_ring.hpp): it finds out who holds a pipe, and moves contents
// between the kernel's and the ring. Called by spd's agent only, which does one thing at a time.
#pragma once
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

long join_pipe(NodeId self, uint32_t record, uint64_t descriptor, bool writes); // PipeEnd or -errno
long fill_pipe(NodeId self, uint32_t record, uint64_t descriptor, wire::PipeEnd end);
long leave_pipe(NodeId self, uint32_t record, uint64_t descriptor, wire::PipeEnd end); // no end: all of the record's

} // namespace sp::spd
