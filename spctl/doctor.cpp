// SPDX-License-Identifier: Apache-2.0
// `spctl doctor`: what this machine can do for superproc, and why not. Each finding is ok, a warning (it runs, with a
// drawback) or a failure (it cannot run), with the next step. The list is a list of functions: to add a check, add one.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/wire/subprocess.hpp"
#include "spctl/commands.hpp"
#include "spctl/elf.hpp"
#include "spctl/isolation_probe.hpp"
#include "spctl/kernel_abilities.hpp"
#include "spctl/lasting_cluster.hpp"
#include "spctl/library.hpp"
#include "spctl/message.hpp"
#include "spctl/run_settings.hpp"
#include "spctl/runtime_folder.hpp"
#include "spctl/table.hpp"
#include "spctl/xen_probe.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

enum class Grade { ok, warn, fail };

struct Finding {
  const char* name;
  Grade grade;
  std::string what;
  std::string next; // what to do about it; empty when nothing
};

const char* grade_name(Grade grade) {
  switch (grade) {
    case Grade::ok: return "ok";
    case Grade::warn: return "warn";
    default: return "fail";
  }
}

Finding kernel(const DoctorOptions&) {
  utsname name{};
  uname(&name);
  const std::string what = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
  if (std::string_view(name.machine) != "x86_64") return {"kernel", Grade::fail, what, "use an x86-64 machine"};
  return {"kernel", Grade::ok, what, {}};
}

Finding dispatch(const DoctorOptions&) {
  const int error = dispatch_errno();
  if (error == 0) return {"syscall user dispatch", Grade::ok, "there", {}};
  return {"syscall user dispatch", Grade::fail, errno_text(error),
          "use Linux 5.11 or newer, built with CONFIG_GENERIC_ENTRY; in a container allow prctl"};
}

Finding memory_files(const DoctorOptions&) {
  const int error = memfd_errno();
  if (error == 0) return {"memory files", Grade::ok, "memfd_create and shared mappings", {}};
  return {"memory files", Grade::fail, errno_text(error), "raise the limits of memory and of open files (ulimit -a)"};
}

Finding library_found(const DoctorOptions&) {
  const auto library = find_library();
  if (!library) return {"library", Grade::fail, library.error().text, "build or install superproc completely"};
  const int descriptor = open(library->c_str(), O_RDONLY | O_CLOEXEC);
  const ElfFacts facts = inspect_elf(descriptor);
  close(descriptor);
  return {"library",
          Grade::ok,
          fmt::format("{}, control segment version {}", *library, facts.control_version.value_or(0)),
          {}};
}

Finding first_program(const DoctorOptions& options) {
  const auto library = find_library();
  if (!library) return {"a program", Grade::fail, "not tried: no library", {}};
  RunSettings settings;
  settings.node_count = options.node_count;
  std::vector<std::string> environment = superproc_environment(environ, settings, *library);
  std::vector<char*> variables;
  for (std::string& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  char path[] = "/bin/true";
  char* arguments[] = {path, nullptr};
  pid_t child = 0;
  int status = 0;
  if (const int error = posix_spawn(&child, path, nullptr, nullptr, arguments, variables.data()); error != 0)
    return {"a program", Grade::fail, errno_text(error), "see whether /bin/true runs natively"};
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {"a program", Grade::ok, "/bin/true runs under superproc", {}};
  const std::string what = WIFSIGNALED(status) ? fmt::format("/bin/true died of SIG{}", sigabbrev_np(WTERMSIG(status)))
                                               : fmt::format("/bin/true ended with {}", WEXITSTATUS(status));
  return {"a program", Grade::fail, what, "run: spctl run --trace -- /bin/true"};
}

Finding cpus(const DoctorOptions& options) {
  const uint32_t count = usable_cpu_count();
  const std::string what = fmt::format("{} usable; {} nodes get {} each", count, options.node_count,
                                       std::max(1u, count / options.node_count));
  if (count < options.node_count)
    return {"CPUs", Grade::warn, fmt::format("{} usable; {} nodes share them", count, options.node_count),
            "nodes gain nothing without CPUs of their own; use fewer nodes (--nodes)"};
  return {"CPUs", Grade::ok, what, {}};
}

// The value in brackets of a sysfs choice such as "always [never]"; empty if there is none.
std::string chosen(const std::string& line) {
  const size_t open_at = line.find('['), close_at = line.find(']');
  if (open_at == std::string::npos || close_at == std::string::npos) return {};
  return line.substr(open_at + 1, close_at - open_at - 1);
}

// Segments are shared memory. In pages of 64 KiB it is touched and given back several times faster than in small ones;
// pages of 2 MiB would be too much for a program's small blocks.
Finding huge_pages(const DoctorOptions&) {
  static constexpr const char* file = "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/shmem_enabled";
  const std::string mode = chosen(read_line(file));
  if (mode.empty())
    return {"huge pages", Grade::warn, "this kernel has shared memory in pages of 4 KiB only",
            "a newer kernel (Linux 6.14) touches large blocks several times faster"};
  if (mode == "never" || mode == "deny" || mode == "advise")
    return {"huge pages", Grade::warn, "shared memory is touched in pages of 4 KiB",
            fmt::format("for large blocks, as root: echo always > {}", file)};
  return {"huge pages", Grade::ok, "shared memory is touched in pages of 64 KiB: " + mode, {}};
}

Finding overcommit(const DoctorOptions&) {
  const auto mode = read_number("/proc/sys/vm/overcommit_memory");
  if (mode == 2)
    return {"overcommit", Grade::warn, "vm.overcommit_memory is 2: every reservation counts as memory",
            "as root: sysctl vm.overcommit_memory=0"};
  return {"overcommit", Grade::ok, mode ? fmt::format("vm.overcommit_memory is {}", *mode) : "unknown", {}};
}

Finding map_count(const DoctorOptions&) {
  constexpr int64_t kNative = 65530;
  const auto limit = read_number("/proc/sys/vm/max_map_count");
  if (limit && *limit < kNative)
    return {"mappings", Grade::warn, fmt::format("vm.max_map_count is {}", *limit),
            fmt::format("as root: sysctl vm.max_map_count={}", kNative)};
  return {"mappings", Grade::ok, limit ? fmt::format("vm.max_map_count is {}", *limit) : "unknown", {}};
}

Finding address_space(const DoctorOptions& options) {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return {"address space", Grade::ok, "not limited", {}};
  const uint64_t wanted = wire::kControlBytes + options.node_count * (wire::kArenaBytes + wire::kFileBytes);
  if (limit.rlim_cur >= wanted) return {"address space", Grade::ok, bytes_text(limit.rlim_cur), {}};
  return {"address space", Grade::warn,
          fmt::format("limited to {}; {} nodes reserve up to {} of addresses", bytes_text(limit.rlim_cur),
                      options.node_count, bytes_text(wanted)),
          "ulimit -v unlimited"};
}

Finding open_files(const DoctorOptions&) {
  constexpr rlim_t kWanted = 256;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kWanted)
    return {"open files", Grade::warn, fmt::format("at most {}", limit.rlim_cur), "ulimit -n 1024"};
  return {"open files", Grade::ok, fmt::format("at most {}", limit.rlim_cur), {}};
}

Finding processes(const DoctorOptions& options) {
  rlimit limit{};
  getrlimit(RLIMIT_NPROC, &limit);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < 4 * options.node_count)
    return {"processes", Grade::warn, fmt::format("at most {} for this user", limit.rlim_cur), "ulimit -u unlimited"};
  return {"processes",
          Grade::ok,
          limit.rlim_cur == RLIM_INFINITY ? "not limited" : fmt::format("at most {} for this user", limit.rlim_cur),
          {}};
}

Finding inspection(const DoctorOptions&) {
  const auto scope = read_number("/proc/sys/kernel/yama/ptrace_scope");
  if (!scope || *scope == 0 || geteuid() == 0)
    return {"inspection", Grade::ok, "spctl ps, gdb and strace may look at this user's programs", {}};
  return {"inspection", Grade::warn,
          fmt::format("kernel.yama.ptrace_scope is {}: spctl ps, nodes, maps and stats see only their own children",
                      *scope),
          "as root: sysctl kernel.yama.ptrace_scope=0"};
}

Finding cores(const DoctorOptions&) {
  const std::string pattern = read_line("/proc/sys/kernel/core_pattern");
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  const bool piped = pattern.starts_with("|");
  if (!piped && limit.rlim_cur == 0) return {"cores", Grade::ok, "none are written (ulimit -c is 0)", {}};
  return {"cores",
          Grade::ok,
          "go to " + (piped ? pattern.substr(1, pattern.find(' ') - 1) : "'" + pattern + "'") +
              "; home's core holds the memory of all nodes",
          {}};
}

Finding user_faults(const DoctorOptions&) {
  const int error = user_fault_errno();
  if (error == 0) return {"userfaultfd", Grade::ok, "for faults in user mode (not needed by this version)", {}};
  return {"userfaultfd", Grade::ok, fmt::format("{} (not needed by this version)", errno_text(error)), {}};
}

Finding user_notification(const DoctorOptions&) {
  const int error = user_notification_errno();
  if (error == 0) return {"user notification", Grade::ok, "for programs without the shim on isolated nodes", {}};
  return {
      "user notification", Grade::warn, errno_text(error),
      "static and setuid programs stay on their first node; it needs Linux 5.19 or newer with CONFIG_SECCOMP_FILTER"};
}

Finding isolated_nodes(const DoctorOptions&) {
  const auto library = find_library();
  if (!library) return {"isolated nodes", Grade::warn, "not tried: no library", {}};
  const IsolationProbe probe = probe_isolation(*library);
  const std::string what = geteuid() == 0 ? "as root" : "in a user namespace";
  if (!probe.obstacle.empty())
    return {"isolated nodes", Grade::warn, probe.obstacle,
            geteuid() == 0 ? "spctl run --isolate needs CAP_SYS_ADMIN; in a container, more privileges"
                           : "for spctl run --isolate allow user namespaces (user.max_user_namespaces), or be root"};
  if (!probe.moved)
    return {"isolated nodes", Grade::warn, what + "; but no process moves to the second one",
            "run: spctl run --isolate --trace -- sh -c '/bin/true; :'"};
  return {"isolated nodes", Grade::ok, what + "; a process has moved to the second one", {}};
}

Finding lasting_clusters(const DoctorOptions&) {
  constexpr const char* kName = "lasting clusters";
  if (const auto there = check_runtime_folder(); !there)
    return {kName, Grade::warn, there.error().text, "spctl up needs a folder of your own for its files"};
  std::string running, stale;
  for (const ClusterFile& file : list_cluster_files()) {
    std::string& names = file.state == ClusterFileState::stale ? stale : running;
    names += (names.empty() ? "" : ", ") + file.name;
  }
  if (!stale.empty()) return {kName, Grade::warn, stale + " had no end in order", "spctl down removes what is left"};
  return {kName, Grade::ok, running.empty() ? "none" : running, {}};
}

Finding virtual_machines(const DoctorOptions&) {
  const int error = open_errno("/dev/kvm", O_RDWR);
  if (error == 0) return {"/dev/kvm", Grade::ok, "usable (nodes in virtual machines will need it)", {}};
  return {"/dev/kvm", Grade::ok, fmt::format("{} (not needed by this version)", errno_text(error)), {}};
}

Finding xen_domain(const DoctorOptions&) {
  const XenProbe probe = probe_xen();
  return {"xen", probe.in_domain && !probe.ready ? Grade::warn : Grade::ok, probe.what, probe.next};
}

using Check = Finding (*)(const DoctorOptions&);
constexpr Check kChecks[] = {
    kernel,      dispatch,          memory_files,   library_found,    first_program,    cpus,       huge_pages,
    overcommit,  map_count,         address_space,  open_files,       processes,        inspection, cores,
    user_faults, user_notification, isolated_nodes, lasting_clusters, virtual_machines, xen_domain};

void print_table(const std::vector<Finding>& findings) {
  Table table({{""}, {""}, {""}});
  for (const Finding& finding : findings) {
    const Colour colour = finding.grade == Grade::ok     ? Colour::good
                          : finding.grade == Grade::warn ? Colour::warning
                                                         : Colour::bad;
    table.row({grade_name(finding.grade), finding.name, finding.what}, colour);
    if (finding.grade != Grade::ok && !finding.next.empty()) table.row({"", "", "-> " + finding.next});
  }
  table.print();
}

} // namespace

int doctor(const DoctorOptions& options) {
  std::vector<Finding> findings;
  for (const Check check : kChecks) findings.push_back(check(options));
  const bool runs =
      std::none_of(findings.begin(), findings.end(), [](const Finding& f) { return f.grade == Grade::fail; });
  if (options.output == Output::json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Finding& f : findings)
      all.push_back({{"name", f.name}, {"grade", grade_name(f.grade)}, {"what", f.what}, {"next", f.next}});
    print(nlohmann::ordered_json{{"runs", runs}, {"findings", std::move(all)}}.dump(2) + "\n");
  } else {
    print_table(findings);
    print(runs ? "superproc runs here.\n" : "superproc cannot run here.\n");
  }
  return runs ? 0 : 1;
}

} // namespace sp::spctl
