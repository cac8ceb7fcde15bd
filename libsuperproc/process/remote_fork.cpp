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

constexpr int64_t kLookAgainNs = 20'000'000; // the other node may die

// Until it is another; false: the other one is gone.
bool wait_while(uint32_t record, wire::Arrival state) {
  const wire::Moved& m = wire::moved(record);
  Patience patience(WaitPolicy{}, wire::kCpuUnknown);
  while (m.arrival.load() == static_cast<uint32_t>(state)) {
    if (m.state.load() != wire::MovedState::claimed) return false;
    if (patience.pass() == Patience::Next::sleep)
      NodeBell::sleep(arrival_word(m), static_cast<uint32_t>(state), kLookAgainNs);
  }
  return true;
}

// ---- there ----

bool await_completion(uint32_t record) {
  return wait_while(record, wire::Arrival::described) &&
         wire::moved(record).arrival.load() == static_cast<uint32_t>(wire::Arrival::complete);
}

[[noreturn]] void restored(uint64_t record, uint64_t) {
  take_on_registers();
  sys::call(SYS_munmap, wire::kRestorerBase, wire::kRestorerBytes);
  if (!await_completion(static_cast<uint32_t>(record)))
    for (;;) sys::call(SYS_exit_group, ECANCELED);
  take_on_belongings(static_cast<uint32_t>(record));
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

// False: the process there has ended.
bool tell(uint32_t record, wire::Arrival before, wire::Arrival now) {
  auto expected = static_cast<uint32_t>(before);
  std::atomic<uint32_t>& arrival = wire::moved(record).arrival;
  if (!arrival.compare_exchange_strong(expected, static_cast<uint32_t>(now))) return false;
  NodeBell::wake(arrival_word(wire::moved(record)), 1);
  return true;
}

void give_up(uint32_t record) {
  using wire::Arrival;
  for (const Arrival before : {Arrival::on_its_way, Arrival::described, Arrival::complete})
    if (tell(record, before, Arrival::given_up)) return;
}

// 0: it has arrived; or -errno, and nothing is left of it.
long await_arrival(uint32_t record) {
  using wire::Arrival;
  for (const Arrival before : {Arrival::complete, Arrival::given_up}) (void)wait_while(record, before);
  const uint32_t arrival = wire::moved(record).arrival.load();
  if (arrival == static_cast<uint32_t>(Arrival::arrived)) return 0;
  return arrival > wire::kArrivalFailed ? -static_cast<long>(arrival - wire::kArrivalFailed) : -EIO;
}

// The process there is made meanwhile.
AskedBoth ask_for_process(uint32_t record, NodeId node) {
  wire::Departure& d = wire::moved(record).departure;
  d.goes_on = 1;
  d.user = static_cast<uint32_t>(sys::call(SYS_geteuid));
  d.group = static_cast<uint32_t>(sys::call(SYS_getegid));
  read_credentials(d.rights);
  wire::moved(record).arrival.store(static_cast<uint32_t>(wire::Arrival::on_its_way));
  return {record, node, wire::NodeOperation::restore_body};
}

// What it is to become: first its memory.
void say_what(uint32_t record, const Checkpoint& checkpoint) {
  wire::Departure& d = wire::moved(record).departure;
  d.source = checkpoint.source, d.description = checkpoint.offset;
  (void)tell(record, wire::Arrival::on_its_way, wire::Arrival::described);
  pause_at(wire::Step::half_said);
  note_belongings(record);
  sys::call(SYS_prctl, PR_GET_NAME, d.name);
  publish_descriptors(record);
  (void)tell(record, wire::Arrival::described, wire::Arrival::complete);
}

long begin_there(uint32_t record, NodeId node, AskedBoth& asked) {
  constexpr uint64_t kStackTop = wire::kNodeForkChild + wire::kNodeServiceBytes - 64;
  const Result<Checkpoint> written = write_checkpoint(record, node, {address_of(restored), kStackTop - 8, {record, 0}});
  const long unwatched = asked.is_watched();
  const long unsaid = written ? unwatched : -written.error().value;
  unsaid ? give_up(record) : say_what(record, *written);
  const long unmade = asked.is_made();
  const long lost = unmade ? unmade : await_arrival(record);
  const long failed = unsaid ? unsaid : lost;
  if (!failed) tell_copied(static_cast<int32_t>(sys::call(SYS_getppid)), written->page_bytes);
  if (written && written->space != kNoSpace && (failed || !written->is_mapped))
    let_go_space(written->space, vfd::membership.node, static_cast<int32_t>(sys::call(SYS_getpid)));
  return failed;
}

// Returns twice, if all goes well: there; else here.
[[gnu::noinline]] void leave_for(NodeId node) {
  if (sys::failed(hold_settled_memory())) return;
  const uint32_t record = vfd::claim_record(node, vfd::membership.node);
  if (record == vfd::kNoRecord) return;
  AskedBoth asked = ask_for_process(record, node);
  pause_at(wire::Step::undescribed);
  note_registers();
  if (sp_save(&point_of_return()) != 0) return;
  const long failed = begin_there(record, node, asked);
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
