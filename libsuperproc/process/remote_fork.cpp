// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/remote_fork.hpp"

#include <csignal>
#include <sys/prctl.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/process/checkpoint.hpp"
#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/move.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/remains.hpp"
#include "libsuperproc/process/settled_memory.hpp"
#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/process/stand_by.hpp"
#include "libsuperproc/process/travel.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/wire/control_tables.hpp"
#include "vfd/body.hpp"

namespace sp {

void (*undecided)(bool is) = nullptr;

namespace {

constinit bool is_undecided = false;
constinit int32_t asked_node = 0; // + 1

// ---- there ----

[[noreturn]] void restored(uint64_t record, uint64_t) {
  take_on_registers();
  sys::call(SYS_munmap, wire::kRestorerBase, wire::kRestorerBytes);
  take_on_belongings();
  if (!vfd::arrive(static_cast<uint32_t>(record)))
    for (;;) sys::call(SYS_exit_group, 125);
  attach_witnesses();
  live_on(vfd::membership.node, 1);
  arm_unless_sealed();
  if (native_again) native_again(); // dispatch sees a body's calls
  if (memory::has_pool_pages() && holding) holding(true);
  point_of_return().rax = 1;
  sp_continue(&point_of_return());
}

// ---- here ----

// 0: it has arrived; or -errno.
long await_arrival(uint32_t record) {
  constexpr int64_t kLookAgainNs = 20'000'000; // its node may die
  constexpr auto kOnItsWay = static_cast<uint32_t>(wire::Arrival::on_its_way);
  const wire::Moved& m = wire::moved(record);
  while (m.arrival.load() == kOnItsWay && m.state.load() == wire::MovedState::claimed)
    NodeBell::sleep(arrival_word(m), kOnItsWay, kLookAgainNs);
  const uint32_t arrival = m.arrival.load();
  if (arrival == static_cast<uint32_t>(wire::Arrival::arrived)) return 0;
  return arrival > wire::kArrivalFailed ? -static_cast<long>(arrival - wire::kArrivalFailed) : -EIO;
}

long restore_there(uint32_t record, NodeId node, const Checkpoint& checkpoint) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  wire::Departure& d = wire::moved(record).departure;
  d.goes_on = 1;
  d.user = static_cast<uint32_t>(sys::call(SYS_geteuid));
  d.group = static_cast<uint32_t>(sys::call(SYS_getegid));
  read_credentials(d.rights);
  sys::call(SYS_prctl, PR_GET_NAME, d.name);
  if (const long failed = announce_shadow(record)) return failed;
  publish_descriptors(record);
  const long asked = to_raw(ask_spd(vfd::membership.node, node, self, wire::NodeOperation::restore_body, record,
                                    checkpoint.source, checkpoint.offset));
  return asked ? asked : await_arrival(record);
}

long begin_there(uint32_t record, NodeId node) {
  constexpr uint64_t kStackTop = wire::kNodeForkChild + wire::kNodeServiceBytes - 64;
  const Result<Checkpoint> written = write_checkpoint(record, node, {address_of(restored), kStackTop - 8, {record, 0}});
  if (!written) return to_raw(Result<void>(fail(written.error().value)));
  const long failed = restore_there(record, node, *written);
  if (!failed) tell_copied(static_cast<int32_t>(sys::call(SYS_getppid)), written->page_bytes);
  if (written->space != kNoSpace && (failed || !written->is_mapped))
    let_go_space(written->space, vfd::membership.node, static_cast<int32_t>(sys::call(SYS_getpid)));
  return failed;
}

// Returns twice, if all goes well: there; else here.
[[gnu::noinline]] void leave_for(NodeId node) {
  if (sys::failed(hold_settled_memory())) return;
  const uint32_t record = vfd::claim_record(node, vfd::membership.node);
  if (record == vfd::kNoRecord) return;
  note_belongings();
  if (sp_save(&point_of_return()) != 0) return;
  const long failed = begin_there(record, node);
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: child " << sys::call(SYS_getpid) << (failed ? " stays, not" : " goes on") << " on node "
           << node.value << ", errno " << -failed;
  if (failed) return release(wire::moved(record));
  leave(record);
  pause_at(wire::Step::stands_by);
  stand_by(record);
  keep_descriptors(record);
  become_shadow(record, own_arguments());
}

bool may_leave() { return vfd::in_cluster() && !(control().options.flags & wire::kOptionForkStays); }

} // namespace

void before_fork() {
  pass_on_shared_mappings();
  if (!may_leave()) return;
  settle_if_worthwhile();
  prepare_travel();
}

void begin_undecided(int32_t asked) {
  if (!may_leave()) return;
  is_undecided = true;
  asked_node = asked;
  if (asked || control().options.flags & wire::kOptionForkLeaves) return decide();
  if (undecided) undecided(true);
}

void stay() {
  if (is_borrower()) return; // its parent, whose memory this is, has not decided
  is_undecided = false;
  if (undecided) undecided(false);
}

void decide() {
  if (!is_undecided || is_borrower()) return;
  stay();
  if (is_shared()) return;
  const NodeId node = asked_node ? NodeId{static_cast<uint32_t>(asked_node - 1)} : choose_node_of_process();
  if (node == vfd::membership.node || node.value >= wire::cluster().node_count) return;
  finish_fork_copy();
  const uint64_t all = ~0ull;
  uint64_t before = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  leave_for(node);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
}

} // namespace sp
