// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/cluster/pool.hpp"

#include <fcntl.h>

#include "libsuperproc/base/path.hpp"

namespace sp {

namespace {
HostTid own_tid() { return {static_cast<int32_t>(sys::call(SYS_gettid))}; }
} // namespace

uint32_t claim_space(NodeId here) {
  for (uint32_t space = 0; space < wire::kSegmentsSpace; ++space) {
    uint32_t nobody = 0;
    auto& holders = wire::cluster().spaces[space].holders;
    if (holders.load(std::memory_order_relaxed) || !holders.compare_exchange_strong(nobody, 1)) continue;
    const Result<int64_t> watched =
        ask_spd(here, here, own_tid(), wire::NodeOperation::hold_space, space, sys::call(SYS_getpid));
    if (watched && *watched == 0) return space;
    holders.store(0);
    break;
  }
  return kNoSpace;
}

long hold_space(uint32_t space, NodeId here, int32_t pid) {
  auto& holders = wire::cluster().spaces[space].holders;
  holders.fetch_add(1);
  const Result<int64_t> watched = ask_spd(here, here, own_tid(), wire::NodeOperation::hold_space, space, pid);
  if (watched && *watched == 0) return 0;
  holders.fetch_sub(1);
  return watched ? static_cast<long>(*watched) : -watched.error().value;
}

void let_go_space(uint32_t space, NodeId here, int32_t pid) {
  (void)ask_spd(here, here, own_tid(), wire::NodeOperation::let_go_space, space, pid);
}

void let_go_all(NodeId here, NodeId node) {
  (void)ask_spd(here, node, own_tid(), wire::NodeOperation::let_go_all, sys::call(SYS_getpid));
}

long open_pool(NodeId node) {
  Path name;
  name << "/proc/" << wire::kKeeperPid << "/fd/" << wire::kKeeperPools + static_cast<int>(node.value);
  return sys::call(SYS_openat, AT_FDCWD, name.text(), O_RDWR | O_CLOEXEC, 0);
}

} // namespace sp
