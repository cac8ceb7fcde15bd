// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/move.hpp"

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/exec.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

// The first program keeps the launcher's terminal and files where they are; a process of several threads stays, too.
bool may_move() {
  return vfd::in_cluster() && !vfd::is_body() && control().identity.superprocess != sys::call(SYS_getpid) &&
         (thread_self.borrower != Borrower::none || control().thread_count.load() <= 1);
}

NodeId choose_node() {
  wire::ClusterHeader& c = wire::cluster();
  switch (c.placement) {
    case wire::Placement::fill: return vfd::membership.node;
    case wire::Placement::least_loaded: {
      NodeId best = vfd::membership.node;
      for (uint32_t n = 0; n < c.node_count; ++n)
        if (c.nodes[n].body_count.load() < c.nodes[best.value].body_count.load()) best = {n};
      return best;
    }
    case wire::Placement::round_robin: break;
  }
  return {c.place_next.fetch_add(1) % c.node_count};
}

// 0 or -errno.
long begin_there(uint32_t record, NodeId node) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const NodeId here = vfd::membership.node;
  wire::Moved& m = wire::moved(record);
  m.pid.store(static_cast<int32_t>(sys::call(SYS_getpid)));
  m.shadow_pid.store(m.pid.load());
  m.fresh.store(1);
  if (const long error = to_raw(ask_spd(here, here, self, wire::NodeOperation::watch_shadow, record))) return error;
  return to_raw(ask_spd(here, node, self, wire::NodeOperation::start_body, record));
}

[[noreturn]] void become_shadow(uint32_t record, const char* own_name, const char* const* arguments) {
  wire::MovedState claimed = wire::MovedState::claimed;
  wire::moved(record).state.compare_exchange_strong(claimed, wire::MovedState::leaving);
  Path shadow;
  shadow << find_kept_variable(wire::kEnvCluster) << "/sp-shadow";
  const char* const environment[] = {own_name, nullptr};
  sys::call(SYS_execve, shadow.text(), arguments, environment);
  Line{} << "superproc: cannot run " << shadow.text() << "; install superproc completely";
  for (;;) sys::call(SYS_exit_group, 125); // spd sees it and ends the body
}

} // namespace

void move_if_it_should(const Departing& program) {
  if (!may_move()) return;
  const NodeId node = choose_node();
  if (node == vfd::membership.node || kind_of(program.path) != ProgramKind::with_shim) return;
  const uint32_t record = vfd::claim_record(node, vfd::membership.node);
  if (record == vfd::kNoRecord) return;
  Path own_name;
  own_name << wire::kEnvMoved << "=" << record;
  const long failed = describe(record, program, own_name.text()) ? begin_there(record, node) : -E2BIG;
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: " << program.path << (failed ? " stays, since it cannot begin" : " begins") << " on node "
           << node.value << ", errno " << -failed;
  if (failed == 0) become_shadow(record, own_name.text(), program.arguments);
  vfd::give_back(record);
}

} // namespace sp
