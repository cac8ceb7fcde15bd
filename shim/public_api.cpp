// SPDX-License-Identifier: Apache-2.0
// superproc.h for programs that run on nodes: the only symbols that the library exports. A static program has them also where
// it runs natively.
#define SUPERPROC_IMPLEMENTATION
#include "libsuperproc/superproc.h"

#include <cerrno>

#include "libsuperproc/cluster/self.hpp"
#include "shim/start.hpp"
#include "vfd/body.hpp"

#define SP_EXPORT extern "C" [[gnu::visibility("default")]]

SP_EXPORT int sp_node_count(void) { return sp_shim_started ? static_cast<int>(sp::node_count()) : 1; }
SP_EXPORT int sp_node_self(void) { return sp_shim_started ? static_cast<int>(sp::this_node().value) : SP_HOME_NODE; }

SP_EXPORT int sp_place_next(int node) {
  if (!sp_shim_started) return node == SP_HOME_NODE || node == SP_BY_POLICY ? 0 : EINVAL;
  const uint32_t count = sp::vfd::in_cluster() ? sp::wire::cluster().node_count : sp::node_count();
  if (node < -1 || node >= static_cast<int>(count)) return EINVAL;
  sp::thread_self.place_next = node + 1;
  return 0;
}

SP_EXPORT const char* sp_version(void) { return "0.1.0"; }
