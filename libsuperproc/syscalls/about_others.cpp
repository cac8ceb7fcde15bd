// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/about_others.hpp"

#include <cerrno>

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/cluster/find_moved.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/syscalls/about_calls.hpp"
#include "vfd/program_memory.hpp"
#include "vpid/lease.hpp"

namespace sp {

namespace {

constexpr NodeId kFirstNode{0};

// ---- one inquiry ----

constexpr uint32_t kNone = ~0u;

bool take(wire::Inquiry& inquiry, int32_t thread) {
  int32_t claimant = 0;
  return inquiry.claimant.compare_exchange_strong(claimant, thread);
}
bool take_from_dead(wire::Inquiry& inquiry, int32_t thread) {
  int32_t claimant = inquiry.claimant.load();
  return claimant > 0 && sys::call(SYS_tkill, claimant, 0) == -ESRCH &&
         inquiry.claimant.compare_exchange_strong(claimant, thread);
}

uint32_t claim(NodeId node, int32_t thread) {
  constexpr uint32_t kTries = 1000;
  const uint32_t first = node.value * wire::kInquiriesOfNode;
  for (uint32_t tries = 0; tries < kTries; ++tries) {
    for (uint32_t i = first; i < first + wire::kInquiriesOfNode; ++i)
      if (take(wire::inquiry(i), thread) || take_from_dead(wire::inquiry(i), thread)) return i;
    sys::call(SYS_sched_yield);
  }
  return kNone;
}

class Inquirer {
public:
  Inquirer(const Asker& asker, long number) : asker_(asker), index_(claim(asker.node, own_tid().value)) {
    if (index_ == kNone) return;
    inquiry().number = static_cast<uint32_t>(number);
    wire::Credentials rights{};
    asker.read_rights(rights);
    inquiry().rights = rights;
    inquiry().process = asker.process;
  }
  Inquirer(const Inquirer&) = delete;
  ~Inquirer() {
    if (index_ != kNone) inquiry().claimant.store(0);
  }
  bool claimed() const { return index_ != kNone; }
  wire::Inquiry& inquiry() const { return wire::inquiry(index_); }

  long ask(NodeId node) const {
    if (node.value >= bounded_node_count()) return -ESRCH;
    const Result<int64_t> asked = ask_spd(asker_.node, node, own_tid(), wire::NodeOperation::call_about, index_);
    if (!asked) return -ESRCH; // its node is dead, and all that ran there
    return *asked ? static_cast<long>(*asked) : static_cast<long>(inquiry().result);
  }

private:
  AllBlocked blocked_; // who leaves a handler by siglongjmp would leave the inquiry behind
  const Asker& asker_;
  uint32_t index_;
};

// ---- what the call's pointers lead to ----

uint64_t bytes_of(const AboutCall::Memory& memory, const Call& call, const void* there) {
  if (memory.bytes) return memory.bytes;
  if (memory.length_from >= 0) return call.arg(memory.length_from);
  constexpr uint32_t kFirstAttributes = 48; // struct sched_attr as it was at first, which 0 stands for
  uint32_t bytes = 0;
  if (!vfd::read_program(&bytes, there, sizeof bytes)) return sizeof bytes;
  return bytes ? bytes : kFirstAttributes;
}

// 0 or -errno.
long put_in(const AboutCall& row, const Call& call, wire::Inquiry& inquiry) {
  for (int i = 0; i < 6; ++i) inquiry.arguments[i] = call.arg(i);
  if (row.in.argument < 0 || !call.arg(row.in.argument)) return 0;
  const auto* const from = call.pointer<const void>(row.in.argument);
  uint64_t bytes = bytes_of(row.in, call, from);
  if (bytes > sizeof inquiry.in) {
    if (row.in.length_from < 0) return -E2BIG;
    bytes = sizeof inquiry.in; // of processors, as many as any kernel has
  }
  uint8_t copy[sizeof inquiry.in] = {};
  if (!vfd::read_program(copy, from, bytes)) return -EFAULT;
  __builtin_memcpy(inquiry.in, copy, sizeof copy);
  return 0;
}

long take_out(const AboutCall& row, const Call& call, const wire::Inquiry& inquiry, long result) {
  if (sys::failed(result) || row.out.argument < 0 || !call.arg(row.out.argument)) return result;
  uint64_t bytes = row.out.bytes;
  if (row.number == SYS_sched_getaffinity) bytes = static_cast<uint64_t>(result);
  if (row.number == SYS_sched_getattr) bytes = *reinterpret_cast<const uint32_t*>(inquiry.out);
  const uint64_t room = row.out.bytes ? row.out.bytes : call.arg(row.out.length_from);
  if (bytes > room || bytes > sizeof inquiry.out) return -EPROTO;
  return vfd::write_program(call.pointer<void>(row.out.argument), inquiry.out, bytes) ? result : -EFAULT;
}

// ---- one process or thread ----

bool is_here(int32_t number) { return sys::call(SYS_sched_getscheduler, number) != -ESRCH; }

bool shadow_follows(const AboutCall& row, const Call& call) {
  if (row.number == SYS_prlimit64) return call.arg(2) && call.arg(1) == RLIMIT_FSIZE;
  return row.number == SYS_setpriority || row.number == SYS_ioprio_set;
}

long about_process(const AboutCall& row, const Call& call, const Asker& asker, const wire::Moved* moved) {
  const Inquirer inquirer(asker, row.number);
  if (!inquirer.claimed()) return -EAGAIN;
  wire::Inquiry& inquiry = inquirer.inquiry();
  if (const long failed = put_in(row, call, inquiry)) return failed;
  const auto who = static_cast<int32_t>(call.arg(row.who));
  const NodeId at{moved ? moved->body_node.load() : kFirstNode.value};
  long result = at == asker.node ? -ESRCH : inquirer.ask(at);
  if (const NodeId origin = vpid::node_of(who); !moved && result == -ESRCH && origin != kFirstNode)
    result = inquirer.ask(origin); // a thread
  const long told = take_out(row, call, inquiry, result);
  if (moved && !sys::failed(result) && shadow_follows(row, call)) (void)inquirer.ask({moved->shadow_node.load()});
  return told;
}

// ---- signals ----

std::optional<long> signal_thread(const AboutCall& row, const Call& call, const Asker& asker) {
  const int32_t thread = call.number_arg(row.who);
  const bool own = row.who == 1 && call.number_arg(0) == asker.process;
  if (thread <= 0 || own || thread == asker.process) return std::nullopt;
  const NodeId at = vpid::node_of(thread);
  if (at == kFirstNode || at == asker.node || find_moved(thread, asker.node) || is_here(thread)) return std::nullopt;
  const Inquirer inquirer(asker, row.number);
  if (!inquirer.claimed()) return -EAGAIN;
  const long failed = put_in(row, call, inquirer.inquiry());
  return failed ? failed : inquirer.ask(at);
}

// ---- many ----

// What the kernel makes of the answers of several: the best value; that it worked, or why it did not for the last.
class Answers {
public:
  explicit Answers(const AboutCall& row) : row_(row) {}
  void add(long result) {
    if (result == -ESRCH) return;
    const bool first = result_ == -ESRCH;
    if (sys::failed(result) || sys::failed(result_)) {
      if (sys::failed(result) || first) result_ = result;
    } else if (row_.number == SYS_getpriority ? result > result_ : result < result_) {
      result_ = result;
    }
  }
  long sum() const { return result_; }

private:
  const AboutCall& row_;
  long result_ = -ESRCH;
};

// Those that have moved. Their shadows are in the group, too, but on the first node's kernel.
void add_bodies_of_group(Answers& answers, const Inquirer& inquirer, const AboutCall& row, const Asker& asker,
                         uint64_t group) {
  const long own = group ? static_cast<long>(group) : asker.at_home(SYS_getpgid, 0, 0, 0);
  const uint32_t high = wire::cluster().moved_high.load();
  for (uint32_t i = 0; i < high && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    const int32_t pid = m.pid.load();
    if (m.state.load() != wire::MovedState::settled || m.body_node.load() == kFirstNode.value) continue;
    if (asker.at_home(SYS_getpgid, static_cast<uint64_t>(pid), 0, 0) != own) continue;
    inquirer.inquiry().arguments[0] = row.process();
    inquirer.inquiry().arguments[1] = static_cast<uint64_t>(pid);
    answers.add(inquirer.ask({m.body_node.load()}));
  }
}

long about_many(const AboutCall& row, const Call& call, const Asker& asker) {
  const uint64_t who = static_cast<uint32_t>(call.arg(1));
  Answers answers(row);
  const bool own_group = call.arg(0) == row.group() && who == 0;
  if (own_group) answers.add(asker.at_home(row.number, row.group(), 0, call.arg(2)));
  const Inquirer inquirer(asker, row.number);
  if (!inquirer.claimed()) return -EAGAIN;
  (void)put_in(row, call, inquirer.inquiry());
  if (call.arg(0) == row.group()) {
    if (!own_group) answers.add(inquirer.ask(kFirstNode));
    add_bodies_of_group(answers, inquirer, row, asker, who);
  } else {
    for (uint32_t n = 0; n < bounded_node_count(); ++n) answers.add(inquirer.ask({n}));
  }
  return answers.sum();
}

// ---- the caller itself ----

std::optional<long> about_itself(const AboutCall& row, const Call& call, const Asker& asker) {
  if (!asker.is_body || !shadow_follows(row, call) || row.number == SYS_prlimit64) return std::nullopt;
  const auto who = static_cast<int32_t>(call.arg(1));
  if (who == 0 && asker.thread != asker.process) return std::nullopt;
  const auto own = static_cast<uint64_t>(asker.process);
  const long result = sys::call(row.number, row.process(), own, call.arg(2));
  if (result == 0)
    for (const uint64_t of_shadow : {own, uint64_t{0}}) // its first thread, and the one that makes its children
      (void)asker.at_home(row.number, row.process(), of_shadow, call.arg(2));
  return result;
}

} // namespace

std::optional<long> ask_about(const Call& call, const Asker& asker) {
  const AboutCall* const row = find_about_call(call.number());
  if (!row) return std::nullopt;
  if (row->says_which() && call.arg(0) != row->process()) {
    const bool is_known = call.arg(0) == row->group() || call.arg(0) == row->user();
    return is_known && call.number_arg(1) >= 0 ? std::optional(about_many(*row, call, asker)) : std::nullopt;
  }
  if (row->is_signal()) return signal_thread(*row, call, asker);
  const int32_t who = call.number_arg(row->who);
  if (who == 0 || who == asker.process || who == asker.thread) return about_itself(*row, call, asker);
  if (who < 0) return std::nullopt;
  const wire::Moved* const moved = find_moved(who, asker.node);
  if (moved ? moved->body_node.load() == asker.node.value : is_here(who)) return std::nullopt;
  return about_process(*row, call, asker, moved);
}

std::optional<wire::Figures> ask_for_figures(int32_t pid, const Asker& asker) {
  const wire::Moved* const moved = find_moved(pid, asker.node);
  const Inquirer inquirer(asker, wire::kFiguresOf);
  if (!moved || !inquirer.claimed()) return std::nullopt;
  inquirer.inquiry().arguments[0] = static_cast<uint64_t>(pid);
  if (inquirer.ask({moved->body_node.load()}) != 0) return std::nullopt;
  wire::Figures told;
  __builtin_memcpy(&told, inquirer.inquiry().out, sizeof told);
  return told;
}

} // namespace sp
