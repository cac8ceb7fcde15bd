// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/other_subprocess.hpp"

#include <fcntl.h>
#include <sys/uio.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/gate.hpp"

namespace sp {

namespace {

// The beginning of a file, as a string; empty if it cannot be read.
template <uint32_t bytes>
void read_file(const char* path, char (&text)[bytes]) {
  const long fd = sys::call(SYS_open, path, O_RDONLY | O_CLOEXEC);
  const long got = sys::failed(fd) ? 0 : sys::call(SYS_read, fd, text, bytes - 1);
  if (!sys::failed(fd)) sys::call(SYS_close, fd);
  text[got > 0 ? got : 0] = 0;
}

long parse(const char* at) {
  long value = 0;
  while (*at == ' ' || *at == '\t') ++at;
  for (; *at >= '0' && *at <= '9'; ++at) value = value * 10 + (*at - '0');
  return value;
}

// The number on the line that begins with `name`.
long field_of_status(const char* text, const char* name) {
  for (const char* line = text; *line;) {
    const char *at = line, *want = name;
    while (*want && *at == *want) ++at, ++want;
    if (!*want) return parse(at);
    while (*line && *line++ != '\n') {
    }
  }
  return 0;
}

// Field `number`, from 4 on, of /proc/PID/stat; the name before them may hold anything.
long field_of_stat(const char* text, int number) {
  const char* at = text;
  for (const char* p = text; *p; ++p)
    if (*p == ')') at = p + 1;
  for (int field = 2; *at; ++at)
    if (*at == ' ' && ++field == number) return parse(at);
  return -1;
}

// Residents tell their parent nothing when they end, which no other child does. 0: it is none.
long parent_if_resident(long pid) {
  constexpr int kParent = 4, kExitSignal = 38;
  char text[2048];
  read_file((Path() << "/proc/" << pid << "/stat").text(), text);
  return field_of_stat(text, kExitSignal) == 0 ? field_of_stat(text, kParent) : 0;
}

constexpr uint32_t kPieces = kNodeCountMax + 3;

} // namespace

Residents residents_of(int32_t pid) {
  Residents found{};
  iovec local[kPieces] = {
      {&found.magic, sizeof found.magic}, {&found.state, sizeof found.state}, {&found.home, sizeof found.home}};
  iovec remote[kPieces] = {{&control().magic, sizeof found.magic},
                           {&control().state, sizeof found.state},
                           {&control().identity.pid, sizeof found.home}};
  for (uint32_t n = 0; n < kNodeCountMax; ++n) {
    local[n + 3] = {&found.pids[n], sizeof(int32_t)};
    remote[n + 3] = {&control().nodes[n].host_pid, sizeof(int32_t)};
  }
  const long bytes = sys::call(SYS_process_vm_readv, pid, local, kPieces, remote, kPieces, 0);
  const bool whole = bytes == sizeof found.magic + sizeof found.state + sizeof found.home + sizeof found.pids;
  const bool converted = found.magic == wire::kControlMagic && found.state == wire::SubProcessState::shared;
  return whole && converted && found.home == pid ? found : Residents{};
}

int32_t subprocess_of(int32_t pid) {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (pid == node_record({n}).host_pid.load(std::memory_order_relaxed)) return control().identity.pid;
  const auto parent = static_cast<int32_t>(parent_if_resident(pid));
  if (parent <= 0) return pid;
  const Residents residents = residents_of(parent);
  for (int32_t resident : residents.pids)
    if (resident == pid) return parent;
  return pid;
}

int32_t resident_with_thread(int32_t pid, int32_t tid) {
  char text[2048];
  read_file((Path() << "/proc/" << tid << "/status").text(), text);
  const long process = field_of_status(text, "Tgid:");
  return process > 0 && parent_if_resident(process) == pid ? static_cast<int32_t>(process) : 0;
}

} // namespace sp
