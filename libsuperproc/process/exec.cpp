// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/exec.hpp"

#include <cerrno>
#include <optional>
#include <sys/wait.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/all_processors.hpp"
#include "libsuperproc/process/checkpoint.hpp"
#include "libsuperproc/process/come_home.hpp"
#include "libsuperproc/process/move.hpp"
#include "libsuperproc/process/settled_memory.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/process/supervised.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/masks.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "libsuperproc/wire/trace.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/pending_call.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint32_t kKeptBytes = 8192, kKeptCount = 16;
constexpr const char* kPreload = "LD_PRELOAD";
constexpr const char* kLeft = "SUPERPROC_LEFT";
constexpr const char* kOurs = "libsuperproc";

// "NAME=value" strings of ours, copied at start: a program may overwrite or clear its environment.
struct KeptEnvironment {
  char text[kKeptBytes];
  uint32_t used;
  const char* entries[kKeptCount];
  uint32_t count;
};
constinit KeptEnvironment kept{};
constinit char identity_entry[80] = {};

bool starts_with(const char* text, const char* prefix) {
  while (*prefix)
    if (*text++ != *prefix++) return false;
  return true;
}

bool contains(const char* text, const char* part) {
  for (; *text; ++text)
    if (starts_with(text, part)) return true;
  return false;
}

bool is_entry_of(const char* entry, const char* name) {
  while (*name)
    if (*entry++ != *name++) return false;
  return *entry == '=';
}

void keep(const char* entry) {
  uint32_t bytes = 0;
  while (entry[bytes]) ++bytes;
  if (kept.count == kKeptCount || kept.used + bytes + 1 > kKeptBytes) return;
  char* copy = kept.text + kept.used;
  for (uint32_t i = 0; i <= bytes; ++i) copy[i] = entry[i];
  kept.used += bytes + 1;
  kept.entries[kept.count++] = copy;
}

bool is_identity(const char* entry) {
  return is_entry_of(entry, wire::kEnvId) || is_entry_of(entry, kLeft) || is_entry_of(entry, wire::kEnvMoved) ||
         is_entry_of(entry, wire::kEnvPlaced) || is_entry_of(entry, wire::kEnvTraced);
}

bool loads_us(const char* const* environment) {
  const char* preload = find_variable(environment, kPreload);
  return preload && contains(preload, kOurs);
}

// "SUPERPROC_MOVED=RECORD", if this process has a shadow: the next program has it as well. "SUPERPROC_PLACED=PID": it
// need not think about where it begins (move.hpp); the number is there because a program without the shim hands both on to
// its children. "SUPERPROC_TRACED=TRACER:FOLLOW" (wire/trace.hpp), if it is traced and not a child that is not followed.
// "SUPERPROC_LEFT=PID PID", if there is something to clear up: residents to be reaped, memory in the pools; with "+" before
// them that memory may be in use.
class OwnMarks {
public:
  OwnMarks() {
    note_left();
    if (vfd::is_body()) moved_ << wire::kEnvMoved << "=" << vfd::own_record();
    if (vfd::in_cluster()) placed_ << wire::kEnvPlaced << "=" << sys::call(SYS_getpid);
    const int32_t tracer = wire::trace().tracer.load();
    const uint32_t follow = wire::trace().follow.load() != 0;
    if (tracer > 0 && (follow || !is_borrower())) traced_ << wire::kEnvTraced << "=" << tracer << ":" << follow;
  }
  template <class Function>
  void for_each(Function function) const {
    for (const Path* mark : {&left_, &moved_, &placed_, &traced_})
      if (*mark->text()) function(mark->text());
  }

private:
  void note_left() {
    const bool converted = is_shared() && thread_self.borrower == Borrower::none;
    if (!converted && (is_borrower() || !(holds_spaces() || has_settled_memory()))) return;
    // Another thread may be in fork, whose child has no hold of its own yet: then memory stays until the process ends.
    left_ << kLeft << "=" << (control().thread_count.load() > 1 ? "+" : "");
    if (converted) for_other_nodes([&](NodeId node) { left_ << node_record(node).host_pid.load() << " "; });
  }
  Path left_, moved_, placed_, traced_;
};

// How many entries compose() may need. The list lies on the caller's stack, which may be a spawned child's small one.
uint32_t room_for(const char* const* given) {
  uint32_t count = 0;
  for (; given && given[count];) ++count;
  return count + kKeptCount + 6;
}

// The environment of the next program in `out`: the given one, our identity, and what it lost.
const char* const* compose(const char* const* given, const OwnMarks* own, const char** out) {
  const bool intact = loads_us(given);
  uint32_t count = 0;
  const auto add = [&](const char* entry) { out[count++] = entry; };
  for (const char* const* e = given; e && *e; ++e)
    if (!is_identity(*e) && (intact || !is_entry_of(*e, kPreload))) add(*e);
  for (uint32_t i = 0; !intact && i < kept.count; ++i) add(kept.entries[i]);
  add(identity_entry);
  if (own) own->for_each(add);
  out[count] = nullptr;
  return out;
}

// The next program inherits the mask: for the time of the call SIGSYS is in it if the program believes so.
class SigsysAsBelieved {
public:
  SigsysAsBelieved() : blocked_(believes_sigsys_blocked()) { set(SIG_BLOCK); }
  SigsysAsBelieved(const SigsysAsBelieved&) = delete;
  ~SigsysAsBelieved() { set(SIG_UNBLOCK); }

private:
  void set(int how) const {
    const uint64_t sigsys = signal_bit(SIGSYS);
    if (blocked_) sys::call(SYS_rt_sigprocmask, how, &sigsys, nullptr, sizeof sigsys);
  }
  bool blocked_;
};

// What the shadow's descriptor is called, and what lies below it. False: nothing that can be called.
bool name_of_remote(int directory, const char* below, char (&name)[4096]) {
  Path link;
  link << "/proc/self/fd/" << directory;
  vfd::Transfer transfer;
  auto* const there = static_cast<char*>(transfer.take(sizeof name));
  const long bytes = vfd::shadow_call(SYS_readlink, transfer.put_text(link.text()), there, sizeof name - 1);
  if (bytes <= 0 || bytes >= static_cast<long>(sizeof name)) return false;
  __builtin_memcpy(name, there, static_cast<uint64_t>(bytes));
  auto at = static_cast<uint32_t>(bytes);
  for (const char* text : {*below ? "/" : "", below})
    for (; *text && at + 1 < sizeof name; ++text) name[at++] = *text;
  name[at] = 0;
  return name[0] == '/' && at + 1 < sizeof name;
}

} // namespace

const char* find_variable(const char* const* environment, const char* name) {
  for (; environment && *environment; ++environment) {
    if (!is_entry_of(*environment, name)) continue;
    const char* value = *environment;
    while (*value != '=') ++value;
    return value + 1;
  }
  return nullptr;
}

const char* find_kept_variable(const char* name) {
  for (uint32_t i = 0; i < kept.count; ++i) {
    const char* const one[] = {kept.entries[i], nullptr};
    if (const char* value = find_variable(one, name)) return value;
  }
  return "";
}

void remember_environment(const char* const* environment) {
  for (const char* const* e = environment; *e; ++e)
    if (is_entry_of(*e, kPreload) || (starts_with(*e, "SUPERPROC_") && !is_identity(*e))) keep(*e);
}

void name_superprocess(int32_t pid, uint64_t start) {
  Path entry;
  entry << wire::kEnvId << "=" << pid << ":" << static_cast<long>(start);
  for (uint32_t i = 0; i + 1 < sizeof identity_entry; ++i)
    if (!(identity_entry[i] = entry.text()[i])) break;
}

void clear_up_after_exec(const char* const* environment) {
  const char* list = find_variable(environment, kLeft);
  if (!list) return;
  const bool has_memory_in_use = *list == '+';
  if (has_memory_in_use) ++list;
  while (*list) {
    long pid = 0;
    for (; *list >= '0' && *list <= '9'; ++list) pid = pid * 10 + (*list - '0');
    while (*list == ' ') ++list;
    if (pid > 0) sys::call(SYS_wait4, pid, nullptr, __WCLONE, nullptr);
  }
  if (!vfd::in_cluster() || has_memory_in_use) return;
  let_go_all(vfd::membership.node, vfd::membership.node);
  if (vfd::is_body()) let_go_all(vfd::membership.node, {vfd::record().shadow_node.load()});
}

long exec(const char* path, const char* const* arguments, const char* const* environment, uint64_t mask) {
  auto** composed = static_cast<const char**>(__builtin_alloca(room_for(environment) * sizeof(char*)));
  const bool converted = is_shared() && thread_self.borrower == Borrower::none;
  const ProgramKind kind = vfd::is_body() ? kind_of({path, arguments, environment, mask}) : ProgramKind::with_shim;
  const bool supervised = kind == ProgramKind::without_shim && !converted && become_supervised();
  if (!supervised && (kind == ProgramKind::without_shim || kind == ProgramKind::of_home))
    return come_home({path, arguments, compose(environment, nullptr, composed), mask});
  if (kind == ProgramKind::not_executable && !is_common_file(path)) return error_at_home(path);
  const OwnMarks own;
  environment = compose(environment, &own, composed);
  if (!converted) move_if_it_should({path, arguments, environment, mask});
  node_record(this_node()).execs.fetch_add(1, std::memory_order_relaxed);
  if (converted && !at_home()) {
    uint64_t pending = 0;
    sys::call(SYS_rt_sigpending, &pending, sizeof pending);
    return exec_at_home(address_of(path), address_of(arguments), address_of(environment),
                        mask | (believes_sigsys_blocked() ? signal_bit(SIGSYS) : 0), pending);
  }
  const vfd::PokesBarred no_pokes;
  std::optional<NotStopped> not_stopped;
  if (converted) not_stopped.emplace();
  const SigsysAsBelieved believed;
  const AllProcessors all;
  const long failed = app_call(SYS_execve, path, arguments, environment);
  if (supervised) vfd::record().has_shim.store(1);
  return failed;
}

long exec_at(int directory, const char* path, const char* const* arguments, const char* const* environment, int flags,
             uint64_t mask) {
  constexpr int kCurrentDirectory = -100;
  if (flags == 0 && (directory == kCurrentDirectory || path[0] == '/')) return exec(path, arguments, environment, mask);
  char name_there[4096];
  if (vfd::is_body() && path[0] != '/' && vfd::is_remote(static_cast<uint64_t>(directory)))
    return name_of_remote(directory, path, name_there) ? exec(name_there, arguments, environment, mask) : -ENOENT;
  auto** composed = static_cast<const char**>(__builtin_alloca(room_for(environment) * sizeof(char*)));
  const OwnMarks own;
  environment = compose(environment, &own, composed);
  if (is_shared() && thread_self.borrower == Borrower::none && !at_home()) {
    // By the descriptor's name in the home process, which has the same table.
    Path name;
    name << "/proc/self/fd/" << directory;
    if (path[0]) return -ENOSYS;
    return exec(name.text(), arguments, environment, mask);
  }
  const AllProcessors all;
  return app_call(SYS_execveat, directory, path, arguments, environment, flags);
}

} // namespace sp
