// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/move.hpp"

#include <csignal>
#include <elf.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/exec.hpp"
#include "vfd/body.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint32_t kScriptDepthMax = 4;

// ---- which programs ----

enum class Kind {
  not_executable, // or something exec will have an errno for
  with_shim,
  without_shim, // static, or with a privilege that shuts LD_PRELOAD out
};

// Without the shim nothing knows of the descriptors that a body's shadow has.
Kind kind_of(const char* path, uint32_t depth = 0) {
  alignas(8) char head[4096] = {};
  const long file = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (sys::failed(file)) return Kind::not_executable;
  struct stat about {};
  sys::call(SYS_fstat, file, &about);
  const long bytes = sys::call(SYS_pread64, file, head, sizeof head - 1, 0);
  sys::call(SYS_close, file);
  if (!S_ISREG(about.st_mode) || !(about.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) return Kind::not_executable;
  if (bytes < static_cast<long>(sizeof(Elf64_Ehdr)) && !(bytes > 2 && head[0] == '#')) return Kind::not_executable;
  if (about.st_mode & (S_ISUID | S_ISGID)) return Kind::without_shim;
  if (head[0] == '#' && head[1] == '!') {
    char* interpreter = head + 2;
    while (*interpreter == ' ' || *interpreter == '\t') ++interpreter;
    char* end = interpreter;
    while (*end && *end != ' ' && *end != '\t' && *end != '\n') ++end;
    *end = 0;
    return depth < kScriptDepthMax ? kind_of(interpreter, depth + 1) : Kind::not_executable;
  }
  const auto& elf = *reinterpret_cast<const Elf64_Ehdr*>(head);
  if (__builtin_memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_machine != EM_X86_64) return Kind::not_executable;
  for (uint32_t i = 0; i < elf.e_phnum; ++i) {
    const uint64_t at = elf.e_phoff + i * sizeof(Elf64_Phdr);
    if (at + sizeof(Elf64_Phdr) > sizeof head) return Kind::not_executable;
    if (reinterpret_cast<const Elf64_Phdr*>(head + at)->p_type == PT_INTERP) return Kind::with_shim;
  }
  return Kind::without_shim;
}

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

// ---- what it takes along ----

class Text {
public:
  explicit Text(uint32_t record)
      : start_(pointer_to<char>(wire::transfer_area(record, 0))), end_(start_ + wire::kDepartureTextMax), at_(start_) {}
  void add(const char* text) {
    do {
      if (at_ == end_) return whole_ = false, void();
      *at_++ = *text;
    } while (*text++);
  }
  uint32_t add_list(const char* const* list) {
    uint32_t count = 0;
    for (; list && list[count]; ++count) add(list[count]);
    return count;
  }
  bool whole() const { return whole_; }
  uint64_t bytes() const { return static_cast<uint64_t>(at_ - start_); }

private:
  char *start_, *end_, *at_;
  bool whole_ = true;
};

uint64_t ignored_signals() {
  uint64_t ignored = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    uint64_t action[4] = {}; // handler first
    if (sys::call(SYS_rt_sigaction, signal, nullptr, action, 8) == 0 && action[0] == 1 /*SIG_IGN*/)
      ignored |= 1ull << (signal - 1);
  }
  return ignored;
}

bool describe(uint32_t record, const Departing& program, const char* own_name) {
  char folder[4096];
  if (sys::failed(sys::call(SYS_getcwd, folder, sizeof folder)) || folder[0] != '/') return false;
  wire::Departure& d = wire::moved(record).departure;
  Text text(record);
  text.add(program.path);
  text.add(folder);
  d.argument_count = text.add_list(program.arguments);
  d.environment_count = text.add_list(program.environment);
  if (own_name) ++d.environment_count, text.add(own_name);
  d.text_bytes = text.bytes();
  d.mask = program.mask;
  d.ignored = ignored_signals();
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, nullptr, d.limits[i]);
  d.umask = static_cast<uint32_t>(sys::call(SYS_umask, 0));
  sys::call(SYS_umask, d.umask);
  d.user = static_cast<uint32_t>(sys::call(SYS_geteuid));
  d.group = static_cast<uint32_t>(sys::call(SYS_getegid));
  return text.whole();
}

// ---- going ----

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
  if (node == vfd::membership.node || kind_of(program.path) != Kind::with_shim) return;
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

// ---- coming home ----

namespace {

// An open file of this node that the program shall keep: opened there again, at the same place. Only names can do that.
long take_file_home(uint64_t descriptor) {
  char name[4096];
  Path link;
  link << "/proc/self/fd/" << static_cast<long>(descriptor);
  const long bytes = sys::call(SYS_readlink, link.text(), name, sizeof name - 1);
  if (sys::failed(bytes) || name[0] != '/') return -EACCES;
  name[bytes] = 0;
  const long flags = sys::call(SYS_fcntl, descriptor, F_GETFL), at = sys::call(SYS_lseek, descriptor, 0, SEEK_CUR);
  vfd::Transfer transfer;
  const long opened =
      vfd::shadow_call_at(static_cast<long>(descriptor), SYS_open, transfer.put_text(name), flags, 0, 0, 0, 0);
  if (!sys::failed(opened) && at > 0) vfd::shadow_call(SYS_lseek, descriptor, at, SEEK_SET);
  return opened;
}

long take_files_home() {
  for (uint64_t n = 0; n < wire::kVfdCountMax; ++n) {
    if (vfd::is_remote(n)) continue;
    const long flags = sys::call(SYS_fcntl, n, F_GETFD);
    if (sys::failed(flags) || (flags & FD_CLOEXEC)) continue;
    if (const long result = take_file_home(n); sys::failed(result)) return result;
  }
  return 0;
}

[[noreturn]] void end_as(int status) {
  const int signal = status & 0x7f;
  if (signal) {
    const uint64_t fallback[4] = {}, one = 1ull << (signal - 1);
    sys::call(SYS_rt_sigaction, signal, fallback, nullptr, 8);
    sys::call(SYS_prctl, PR_SET_DUMPABLE, 0);
    sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
    sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, nullptr, sizeof one);
  }
  for (;;) sys::call(SYS_exit_group, status >> 8 & 0xff);
}

// For the parent, which is on this node: hands signals on to the program and ends like it.
[[noreturn]] void stand_for_program(wire::Moved& m, uint32_t record) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const auto tell = [&](long signal) {
    return to_raw(
        ask_spd(vfd::membership.node, {m.shadow_node.load()}, self, wire::NodeOperation::signal_home, record, signal));
  };
  const uint64_t all = ~0ull;
  const timespec moment{0, 200'000'000};
  // The parent's shadow reports the end; without it, the program is seen to be gone twice.
  for (uint32_t missed = 0; m.state.load() != wire::MovedState::ended && missed < 2;) {
    const long signal = sys::call(SYS_rt_sigtimedwait, &all, nullptr, &moment, sizeof all);
    if (signal == SIGSYS) continue;
    missed = tell(signal > 0 ? signal : 0) == -ESRCH ? missed + 1 : 0;
  }
  const int status = m.state.load() == wire::MovedState::ended ? m.wait_status.load() : SIGKILL;
  wire::cluster().nodes[vfd::membership.node.value].body_count.fetch_sub(1);
  vfd::give_back(record);
  end_as(status);
}

// The answer comes only if it failed. Otherwise the record is given back, and this process has no further part in it; or
// its parent is here, and it stays.
long ask_to_come_home(uint32_t record) {
  constexpr int64_t kLookNs = 2'000'000;
  wire::Moved& m = wire::moved(record);
  const uint32_t use = m.use.load();
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const Result<Ring> ring = Ring::open(moved_ring_memory(record), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(record));
  if (!ring || !bell) return -EIO;
  NodeLink link(*ring, *bell, WaitPolicy{});
  const Result<Ticket> ticket = link.start({static_cast<uint32_t>(wire::ShadowOperation::come_home), 0, 0, {}}, self);
  if (!ticket) return -ticket.error().value;
  while (m.state.load() == wire::MovedState::settled && m.use.load() == use)
    if (const Result<int64_t> failed = link.ring().wait(*ticket, {WaitPolicy{}, wire::kCpuUnknown, kLookNs}))
      return *failed;
  if (m.use.load() == use && m.departure.stays) stand_for_program(m, record);
  wire::cluster().nodes[vfd::membership.node.value].body_count.fetch_sub(1);
  for (;;) sys::call(SYS_exit_group, 0);
}

} // namespace

bool must_come_home(const char* path) { return vfd::is_body() && kind_of(path) == Kind::without_shim; }

long come_home(const Departing& program) {
  const uint32_t record = vfd::own_record();
  long failed = take_files_home();
  if (!failed && !describe(record, program, nullptr)) failed = -E2BIG;
  const uint64_t all = ~0ull;
  uint64_t before = 0;
  wire::moved(record).departure.stays = sys::call(SYS_getppid) > 1; // else its parent is spd
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  if (!failed) failed = ask_to_come_home(record);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  Line{} << "superproc: " << program.path << " has no shim and cannot go back to its first node (errno " << -failed
         << "); start it where its files are";
  return failed;
}

} // namespace sp
