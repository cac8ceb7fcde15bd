// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/supervised.hpp"

#include "libsuperproc/base/line.hpp"
#include "vfd/body.hpp"
#include "vfd/notified_filter.hpp"

namespace sp {

bool become_supervised() {
  wire::Moved& m = vfd::record();
  if (!m.supervised.load()) {
    const long listener = vfd::install_notified_filter();
    if (sys::failed(listener)) return false;
    const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
    const NodeId here = vfd::membership.node;
    const long failed =
        to_raw(ask_spd(here, here, self, wire::NodeOperation::supervise, vfd::own_record(), self.value, listener));
    if (failed) { // half its calls would never be answered
      Line{} << "superproc: spd cannot supervise a program (errno " << -failed << ")";
      for (;;) sys::call(SYS_exit_group, 126);
    }
  }
  m.has_shim.store(0);
  return true;
}

} // namespace sp
