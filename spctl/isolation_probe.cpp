// SPDX-License-Identifier: Apache-2.0
// See isolation_probe.hpp.
#include "spctl/isolation_probe.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/wire/cluster.hpp"
#include "spctl/cluster.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

struct Answer {
  bool moved;
  char obstacle[1024];
};

// In a child, for the cluster's segment stays mapped, and the programs' output is nobody's business.
Answer try_it(const std::string& library) {
  Answer answer{};
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int descriptor = 0; descriptor < 3; ++descriptor) dup2(nothing, descriptor);
  RunSettings cluster, node;
  cluster.node_count = 2;
  node.node_count = 1;
  const auto status = run_isolated(cluster, "/bin/sh", {"sh", "-c", "/bin/true; exit 0"},
                                   superproc_environment(environ, node, library));
  std::string obstacle;
  if (!status)
    obstacle = status.error().text;
  else if (WIFSIGNALED(*status))
    obstacle = fmt::format("/bin/sh died of SIG{}", sigabbrev_np(WTERMSIG(*status)));
  else if (*status != 0)
    obstacle = fmt::format("/bin/sh ended with {}", WEXITSTATUS(*status));
  else
    answer.moved = wire::cluster().nodes[1].bodies_begun.load() == 1;
  obstacle.copy(answer.obstacle, sizeof answer.obstacle - 1);
  return answer;
}

} // namespace

IsolationProbe probe_isolation(const std::string& library) {
  void* const shared = mmap(nullptr, sizeof(Answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return {errno_text(errno), false};
  auto& answer = *new (shared) Answer{false, "the attempt ended without an answer"};
  const pid_t child = fork();
  if (child < 0) return {errno_text(errno), false};
  if (child == 0) {
    answer = try_it(library);
    _exit(0);
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  const IsolationProbe probe{answer.obstacle, answer.moved};
  munmap(shared, sizeof(Answer));
  return probe;
}

} // namespace sp::spctl
