// SPDX-License-Identifier: Apache-2.0
// `spctl trace`: the calls of a SubProcess, or of a program from its start. The traced processes write events into their own
// memory (wire/trace.hpp); here they are found, switched on, and asked again and again for what is new. Nobody is
// stopped. What was not read in time is lost, and counted.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <map>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "spctl/cluster.hpp"
#include "spctl/message.hpp"
#include "spctl/tool_options.hpp"
#include "spctl/trace_clock.hpp"
#include "spctl/trace_output.hpp"
#include "spctl/trace_target.hpp"

namespace sp::spctl {
namespace {

constexpr useconds_t kPauseUs = 3000;
constexpr int kSearchEvery = 4; // rounds; a search looks at all processes

volatile std::sig_atomic_t interrupted = 0;

class Tracing {
public:
  explicit Tracing(TraceOutput& output) : output_(output) { output_.begin(); }

  uint64_t lost() const { return lost_; }
  bool idle() const { return targets_.empty(); }

  tl::expected<void, ReadError> attach(int32_t pid, Follow follow) {
    auto target = TraceTarget::open(pid);
    if (!target) return tl::unexpected<ReadError>(target.error());
    if (const int32_t other = target->tracer(); other != 0 && other != getpid() && kill(other, 0) == 0)
      return tl::unexpected<ReadError>(fmt::format("process {} traces it already", other));
    if (!target->switch_on(getpid(), follow)) return tl::unexpected<ReadError>("its memory cannot be written");
    add(std::move(*target));
    return {};
  }

  // Those that are on for us: children, and programs of ours.
  void search() {
    DIR* folder = opendir("/proc");
    if (folder == nullptr) return;
    while (const dirent* entry = readdir(folder)) {
      const int32_t pid = atoi(entry->d_name);
      if (pid <= 0 || targets_.count(pid) != 0) continue;
      auto target = TraceTarget::open(pid);
      if (!target || target->tracer() != getpid() || !is_itself(pid)) continue;
      target->adopt();
      add(std::move(*target));
    }
    closedir(folder);
  }

  void round() {
    for (auto at = targets_.begin(); at != targets_.end();) {
      std::vector<TracedCall> calls;
      const bool ended = at->second.take(calls) == TraceTarget::State::ended;
      for (TracedCall& call : calls) show(at->first, call);
      if (!ended) {
        ++at;
        continue;
      }
      lost_ += at->second.lost();
      flush(at->first);
      at = targets_.erase(at);
    }
  }

  void finish() {
    for (auto& [pid, target] : targets_) target.switch_off();
    round();
    for (auto& [pid, target] : targets_) lost_ += target.lost();
    for (const int32_t pid : keys()) flush(pid);
    output_.end();
    if (!output_.flush()) say(fmt::format("not all could be written: {}", errno_text(errno)));
  }

private:
  std::vector<int32_t> keys() const {
    std::vector<int32_t> pids;
    for (const auto& [pid, call] : held_) pids.push_back(pid);
    return pids;
  }

  // Not a resident, a vfork's child, or a child that has not begun yet: they show what is another's.
  static bool is_itself(int32_t pid) {
    const auto control = read_control(pid);
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    std::ostringstream status;
    status << file.rdbuf();
    return control && control->identity.pid == innermost_number(status.str(), pid).number;
  }

  void add(TraceTarget target) {
    const int32_t pid = target.pid();
    const auto found = find_subprocess(pid);
    space_[pid] = found ? found->space : 0;
    output_.process(pid, found ? found->command : "?");
    targets_.emplace(pid, std::move(target));
  }

  // A program that runs another tells so before; if it cannot, its next event is the call's end.
  void show(int32_t pid, TracedCall& call) {
    const auto held = held_.find(pid);
    const bool same = held != held_.end() && held->second.tid == call.tid && held->second.number == call.number;
    if (same && !call.begun)
      held_.erase(held);
    else
      flush(pid);
    if (call.begun && (call.number == SYS_execve || call.number == SYS_execveat))
      held_.emplace(pid, std::move(call));
    else
      print(pid, call);
  }

  void flush(int32_t pid) {
    const auto held = held_.find(pid);
    if (held == held_.end()) return;
    held->second.begun = false; // it has worked
    print(pid, held->second);
    held_.erase(held);
  }

  void print(int32_t pid, const TracedCall& call) {
    clock_.look();
    output_.call({pid, tid_outside(pid, call.tid), clock_.wall_ns(call.began),
                  clock_.duration_ns(call.ended - call.began), call});
  }

  int32_t tid_outside(int32_t pid, int32_t inside) {
    const uint64_t space = space_[pid];
    if (space == 0) return inside;
    int32_t& known = tids_[{pid, inside}];
    if (known == 0) known = thread_outside(pid, space, inside);
    if (known == 0) known = NumberTable::read().outside(space, inside); // a vfork's child
    return known != 0 ? known : inside;
  }

  TraceOutput& output_;
  TraceClock clock_;
  std::map<int32_t, TraceTarget> targets_; // by the number out here
  std::map<int32_t, uint64_t> space_;
  std::map<std::pair<int32_t, int32_t>, int32_t> tids_;
  std::map<int32_t, TracedCall> held_;
  uint64_t lost_ = 0;
};

void say_lost(uint64_t count) {
  if (count > 0) say(fmt::format("{} events were lost: they came faster than they were read", count));
}

// Until the process has ended, or we are told to stop.
int trace_process(int32_t pid, Follow follow, TraceOutput& output) {
  const auto found = find_subprocess(pid);
  if (!found) return own_error("{}", found.error());
  Tracing tracing(output);
  if (const auto attached = tracing.attach(found->resident_pids.front(), follow); !attached)
    return own_error("process {}: {}", pid, attached.error());
  for (int n = 1; !interrupted && !tracing.idle(); ++n) {
    if (follow == Follow::children && n % kSearchEvery == 0) tracing.search();
    tracing.round();
    usleep(kPauseUs);
  }
  tracing.finish();
  say_lost(tracing.lost());
  return 0;
}

// Ends as the program does.
int trace_program(const RunOptions& options, Follow follow, TraceOutput& output) {
  const pid_t tracer = getpid();
  const pid_t child = fork();
  if (child < 0) return own_error("{}", errno_text(errno));
  if (child == 0) {
    setenv(wire::kEnvTraced, fmt::format("{}:{}", tracer, static_cast<uint32_t>(follow)).c_str(), 1);
    _exit(run(options));
  }
  for (int signal : {SIGINT, SIGQUIT}) std::signal(signal, SIG_IGN); // they are the program's
  Tracing tracing(output);
  int status = 0;
  for (int n = 0; waitpid(child, &status, WNOHANG) == 0; ++n) {
    if (n % kSearchEvery == 0) tracing.search();
    tracing.round();
    usleep(kPauseUs);
  }
  tracing.finish();
  say_lost(tracing.lost());
  end_as(status);
}

} // namespace

int trace(const TraceOptions& options) {
  if (options.pid.has_value() != options.run.command.empty())
    return own_error("trace wants either a PID or a program: spctl trace -- PROGRAM; see spctl trace --help");
  FILE* file = options.form == TraceForm::json || options.form == TraceForm::perfetto ? stdout : stderr;
  if (!options.path.empty()) file = fopen(options.path.c_str(), "we");
  if (file == nullptr) return own_error("{}: {}", options.path, errno_text(errno));
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, [](int) { interrupted = 1; });
  std::signal(SIGPIPE, SIG_IGN);
  const auto output = trace_output(options.form, file);
  const Follow follow = options.follow ? Follow::children : Follow::no;
  return options.pid ? trace_process(*options.pid, follow, *output) : trace_program(options.run, follow, *output);
}

} // namespace sp::spctl
