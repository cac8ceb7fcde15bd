// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/move.hpp"

#include <csignal>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/exec.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

constexpr uint32_t kScriptDepthMax = 4;

// ---- which programs ----

// A program that the shim will be loaded into: without it nothing would know of the shadow's descriptors.
bool loads_shim(const char* path, uint32_t depth = 0) {
  alignas(8) char head[4096] = {};
  const long file = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (sys::failed(file)) return false;
  struct stat about {};
  sys::call(SYS_fstat, file, &about);
  const long bytes = sys::call(SYS_pread64, file, head, sizeof head - 1, 0);
  sys::call(SYS_close, file);
  if (bytes < static_cast<long>(sizeof(Elf64_Ehdr)) && !(bytes > 2 && head[0] == '#')) return false;
  if (about.st_mode & (S_ISUID | S_ISGID) || !S_ISREG(about.st_mode)) return false;
  if (head[0] == '#' && head[1] == '!') {
    char* interpreter = head + 2;
    while (*interpreter == ' ' || *interpreter == '\t') ++interpreter;
    char* end = interpreter;
    while (*end && *end != ' ' && *end != '\t' && *end != '\n') ++end;
    *end = 0;
    return depth < kScriptDepthMax && loads_shim(interpreter, depth + 1);
  }
  const auto& elf = *reinterpret_cast<const Elf64_Ehdr*>(head);
  if (__builtin_memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_machine != EM_X86_64) return false;
  for (uint32_t i = 0; i < elf.e_phnum; ++i) {
    const uint64_t at = elf.e_phoff + i * sizeof(Elf64_Phdr);
    if (at + sizeof(Elf64_Phdr) > sizeof head) return false;
    if (reinterpret_cast<const Elf64_Phdr*>(head + at)->p_type == PT_INTERP) return true;
  }
  return false;
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
  d.environment_count = text.add_list(program.environment) + 1;
  text.add(own_name);
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
  if (node == vfd::membership.node || !loads_shim(program.path)) return;
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
