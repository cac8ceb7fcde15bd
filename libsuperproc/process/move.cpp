// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/move.hpp"

#include <csignal>
#include <elf.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/robust_word.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/exec.hpp"
#include "vfd/body.hpp"

namespace sp {

static bool lives(NodeId node) { return wire::cluster().nodes[node.value].state.load() == wire::SpdState::running; }

NodeId choose_node_of_process() {
  wire::ClusterHeader& c = wire::cluster();
  const uint32_t count = bounded_node_count();
  switch (c.placement) {
    case wire::Placement::fill: return vfd::membership.node;
    case wire::Placement::least_loaded: {
      NodeId best = vfd::membership.node;
      for (uint32_t n = 0; n < count; ++n)
        if (lives({n}) && c.nodes[n].body_count.load() < c.nodes[best.value].body_count.load()) best = {n};
      return best;
    }
    case wire::Placement::round_robin: break;
  }
  for (uint32_t i = 0; i < count; ++i)
    if (const NodeId next{c.place_next.fetch_add(1) % count}; lives(next)) return next;
  return vfd::membership.node;
}

namespace {

void become_known(uint32_t record) {
  wire::Moved& m = wire::moved(record);
  pause_at(wire::Step::described);
  m.pid.store(static_cast<int32_t>(sys::call(SYS_getpid)));
  m.shadow_pid.store(m.pid.load());
  m.fresh.store(1);
}

} // namespace

AskedBoth::AskedBoth(uint32_t record, NodeId node, wire::NodeOperation make)
    : watching_(fail(EIO)), making_(fail(EIO)) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const NodeId here = vfd::membership.node;
  become_known(record);
  watching_ = AskedSpd::ask(here, here, self, wire::NodeOperation::watch_shadow, record, 1);
  if (watching_) making_ = AskedSpd::ask(here, node, self, make, record);
}

long AskedBoth::is_watched() { return to_raw(watching_ ? watching_->answer() : fail(watching_.error().value)); }
long AskedBoth::is_made() { return to_raw(making_ ? making_->answer() : fail(making_.error().value)); }

void leave(uint32_t record) {
  pause_at(wire::Step::body_there);
  wire::MovedState claimed = wire::MovedState::claimed;
  wire::moved(record).state.compare_exchange_strong(claimed, wire::MovedState::leaving);
  pause_at(wire::Step::leaving);
}

[[noreturn]] void become_shadow(uint32_t record, const char* const* arguments) {
  Path shadow, own_name;
  own_name << wire::kEnvMoved << "=" << record;
  shadow << find_kept_variable(wire::kEnvCluster) << "/sp-shadow";
  const char* const environment[] = {own_name.text(), nullptr};
  sys::call(SYS_execve, shadow.text(), arguments, environment);
  Line{} << "superproc: cannot run " << shadow.text() << "; install superproc completely";
  for (;;) sys::call(SYS_exit_group, 125); // spd sees it and ends the body
}

namespace {

// The first program keeps the launcher's terminal and files where they are; a process of several threads stays, too.
bool may_move() {
  return vfd::in_cluster() && !vfd::is_body() && control().identity.superprocess != sys::call(SYS_getpid) &&
         (thread_self.borrower != Borrower::none || control().thread_count.load() <= 1);
}

// Until the program has begun, 0, or could not: -errno, and nothing is left of it.
long await_begin(uint32_t record) {
  constexpr int64_t kLookAgainNs = 20'000'000; // its node may die
  constexpr int kErrorMax = 4095;
  const wire::Moved& m = wire::moved(record);
  const auto wait_while = [&m](auto begins) {
    Patience patience(WaitPolicy{}, wire::kCpuUnknown);
    for (uint32_t seen; begins(seen = m.begins.load());) {
      if (m.state.load() != wire::MovedState::claimed) return false;
      if (patience.pass() == Patience::Next::sleep) NodeBell::sleep(begins_word(m), seen, look_again_ns(kLookAgainNs));
    }
    return true;
  };
  if (!wait_while([](uint32_t seen) { return seen && !(seen & kOwnerIsGone); })) return -EIO;
  const int error = m.departure.error;
  if (error <= 0 || error > kErrorMax) return 0;
  (void)wait_while([](uint32_t seen) { return seen != 0; });
  return -error;
}

long begin_there(uint32_t record, NodeId node) {
  AskedBoth asked(record, node, wire::NodeOperation::start_body);
  const long failed = asked.is_made();
  (void)asked.is_watched();
  return failed ? failed : await_begin(record);
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

bool is_placed(const char* const* environment) {
  const char* mark = find_variable(environment, wire::kEnvPlaced);
  Path own;
  own << sys::call(SYS_getpid);
  return mark && equal(mark, own.text());
}

bool is_same_file(const char* a, const char* b) {
  struct stat first, second;
  return sys::call(SYS_stat, a, &first) == 0 && sys::call(SYS_stat, b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// What exec was given, unless that was a script. Behind the environment lie the auxiliary values.
const char* own_program(const char* const* environment, char (&name)[4096]) {
  constexpr const char* kExecutable = "/proc/self/exe";
  while (*environment) ++environment;
  for (auto* value = reinterpret_cast<const uint64_t*>(environment + 1); value[0] != AT_NULL; value += 2)
    if (value[0] == AT_EXECFN && is_same_file(pointer_to<const char>(value[1]), kExecutable))
      return pointer_to<const char>(value[1]);
  const long bytes = sys::call(SYS_readlink, kExecutable, name, sizeof name - 1);
  name[bytes > 0 ? bytes : 0] = 0;
  return name;
}

// Below /proc a name means another file to whoever looks: what it leads to goes along instead. Null: it leads nowhere.
const char* name_elsewhere(const char* path, char (&name)[4096]) {
  const char* given = path;
  for (const char* proc = "/proc/"; *proc; ++proc, ++given)
    if (*given != *proc) return path;
  const long bytes = sys::call(SYS_readlink, path, name, sizeof name - 1);
  if (bytes <= 0 || name[0] != '/') return nullptr;
  name[bytes] = 0;
  return name;
}

} // namespace

void move_at_start(const char* const* arguments, const char* const* environment) {
  if (!may_move() || is_placed(environment)) return;
  char name[4096];
  uint64_t mask = 0;
  sys::call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask);
  move_if_it_should({own_program(environment, name), arguments, environment, mask});
}

void move_if_it_should(const Departing& given) {
  if (!may_move()) return;
  char name[4096];
  Departing program = given;
  const ProgramKind kind = kind_of(program); // first: who searches a PATH calls exec for each folder
  if (kind == ProgramKind::not_executable || kind == ProgramKind::of_home ||
      !(program.path = name_elsewhere(given.path, name)) || !is_common_file(program.path))
    return;
  const NodeId node = choose_node_of_process();
  if (node == vfd::membership.node) return;
  const uint32_t record = vfd::claim_record(node, vfd::membership.node);
  if (record == vfd::kNoRecord) return;
  pause_at(wire::Step::claimed);
  Path own_name;
  own_name << wire::kEnvMoved << "=" << record;
  wire::moved(record).departure.without_shim = kind == ProgramKind::without_shim;
  const long failed = describe(record, program, own_name.text()) ? begin_there(record, node) : -E2BIG;
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: " << program.path << (failed ? " stays, since it cannot begin" : " begins") << " on node "
           << node.value << ", errno " << -failed;
  if (failed == 0) leave(record), become_shadow(record, program.arguments);
  release(wire::moved(record));
}

} // namespace sp
