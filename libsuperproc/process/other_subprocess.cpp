// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/other_subprocess.hpp"

#include <fcntl.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/sys.hpp"

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

} // namespace

int32_t resident_with_thread(int32_t pid, int32_t tid) {
  constexpr int kParent = 4, kExitSignal = 38;
  char text[2048];
  read_file((Path() << "/proc/" << tid << "/status").text(), text);
  const long process = field_of_status(text, "Tgid:");
  if (process <= 0) return 0;
  read_file((Path() << "/proc/" << process << "/stat").text(), text);
  return field_of_stat(text, kParent) == pid && field_of_stat(text, kExitSignal) == 0 ? static_cast<int32_t>(process)
                                                                                      : 0;
}

} // namespace sp
