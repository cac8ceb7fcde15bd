// SPDX-License-Identifier: Apache-2.0
// `spctl kill`: as kill(1), for SubProcesses: a resident or a shadow stands for its SubProcess, a negative number for those
// of a process group, which may be on several nodes. What one that has moved is sent goes to its body, and its shadow
// follows what becomes of it; but a stopped shadow can follow nothing: SIGCONT goes to the shadow, which hands it on, and
// SIGKILL is followed by one. A process is held by a pidfd from before it is known to be the right one.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

#include "spctl/kill_request.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/table.hpp"
#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

constexpr int kNothingSent = 1, kPartlySent = 64; // kill(1) of util-linux

struct Target {
  int32_t process; // known by its control segment
  int32_t shadow;  // 0: none
};

Target target_of(const SubProcess& subprocess) {
  const auto& isolated = subprocess.isolated;
  return {subprocess.control.identity.pid, isolated && isolated->shadow ? isolated->shadow->pid : 0};
}

// What its parent, group and session are known by out here.
int32_t kernel_process(const Target& target) { return target.shadow > 0 ? target.shadow : target.process; }

long signal_held(int held, const KillRequest& request) {
  siginfo_t info{};
  info.si_signo = request.signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = request.value.value_or(0);
  return syscall(SYS_pidfd_send_signal, held, request.signal, request.value ? &info : nullptr, 0);
}

// 0 or errno.
int send(const Target& target, const KillRequest& request) {
  const bool by_shadow = request.signal == SIGCONT && target.shadow > 0;
  const int held = static_cast<int>(syscall(SYS_pidfd_open, by_shadow ? target.shadow : target.process, 0));
  if (held < 0) return errno;
  const bool still = read_control(target.process).has_value();
  const int error = !still ? ESRCH : signal_held(held, request) == 0 ? 0 : errno;
  close(held);
  if (error == 0 && request.signal == SIGKILL && target.shadow > 0) kill(target.shadow, SIGCONT);
  return error;
}

tl::expected<Target, ReadError> find_target(int32_t pid) {
  const auto found = find_subprocess(pid);
  if (found) return target_of(*found);
  for (const SubProcess& subprocess : list_subprocesses().subprocesses)
    if (const Target target = target_of(subprocess); target.shadow == pid) return target;
  return tl::unexpected<ReadError>(found.error());
}

struct Sent {
  uint32_t done = 0, failed = 0;

  void note(int32_t pid, int error) {
    if (error != 0) say(fmt::format("process {}: {}", pid, errno_text(error)));
    ++(error == 0 ? done : failed);
  }
  void fail(const std::string& why) {
    say(why);
    ++failed;
  }
};

void send_to_group(int32_t group, const KillRequest& request, Sent& sent) { // -1: to all
  bool any = false;
  for (const SubProcess& subprocess : list_subprocesses().subprocesses) {
    const Target target = target_of(subprocess);
    if (group != 1 && getpgid(kernel_process(target)) != group) continue;
    any = true;
    sent.note(target.process, send(target, request));
  }
  if (!any) sent.fail(fmt::format("process group {}: has no SubProcess", group));
}

int send_all(const KillRequest& request) {
  Sent sent;
  for (const int32_t target : request.targets) {
    if (target < 0) {
      send_to_group(-target, request, sent);
    } else if (const auto found = find_target(target); found) {
      sent.note(target, send(*found, request));
    } else {
      sent.fail(found.error());
    }
  }
  if (sent.failed == 0) return 0;
  return sent.done == 0 ? kNothingSent : kPartlySent;
}

int print_names(const std::vector<std::string>& wanted) {
  constexpr int kStatusOfSignal = 128; // what a shell says of a program that it killed
  if (wanted.empty())
    for (int signal = 1; signal <= SIGRTMAX; ++signal)
      if (const std::string name = signal_name(signal); !name.empty()) print(name + "\n");
  for (const std::string& text : wanted) {
    const bool digits = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
    int number = signal_number(text).value_or(-1);
    if (digits && text.size() == 3) number = atoi(text.c_str()) - kStatusOfSignal;
    const std::string name = signal_name(number);
    if (name.empty()) return say(text + ": there is no such signal"), kNothingSent;
    print(digits ? name + "\n" : fmt::format("{}\n", number));
  }
  return 0;
}

int print_table() {
  Table table({{"", Align::right}, {""}});
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (const std::string name = signal_name(signal); !name.empty()) table.row({fmt::format("{}", signal), name});
  table.print();
  return 0;
}

} // namespace

int kill_subprocesses(const KillOptions& options) {
  const auto request = parse_kill(options.arguments);
  if (!request) return say(request.error() + "; see spctl kill --help"), kNothingSent;
  switch (request->wish) {
    case KillRequest::Wish::names: return print_names(request->signals);
    case KillRequest::Wish::table: return print_table();
    default: return send_all(*request);
  }
}

} // namespace sp::spctl
