// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/summary.hpp"

#include <fcntl.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constinit char summary_path[256] = {};

// A longer text than Path has room for, in the same way.
class Text {
public:
  Text& operator<<(const char* text) {
    while (*text && length_ + 1 < sizeof text_) text_[length_++] = *text++;
    text_[length_] = 0;
    return *this;
  }
  Text& operator<<(unsigned long number) {
    Path digits;
    digits << static_cast<long>(number);
    return *this << digits.text();
  }
  const char* text() const { return text_; }
  uint32_t length() const { return length_; }

private:
  char text_[2048];
  uint32_t length_ = 0;
};

const char* name_of(wire::SubProcessState state) {
  return state == wire::SubProcessState::native ? "native" : "shared";
}

constexpr int kAppend = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;

void append(const Text& line) {
  const long fd = sys::call(SYS_openat, AT_FDCWD, summary_path, kAppend, 0600);
  if (fd < 0) return;
  sys::call(SYS_write, fd, line.text(), line.length());
  sys::call(SYS_close, fd);
}

void append_at_home(const Text& line) {
  vfd::Transfer transfer;
  const long fd = vfd::shadow_open(transfer.put_text(summary_path), kAppend, 0600);
  if (fd < 0) return;
  vfd::shadow_call(SYS_write, fd, transfer.put(line.text(), line.length()), line.length());
  vfd::shadow_call(SYS_close, fd);
}

} // namespace

void summarize_to(const char* path) {
  uint32_t i = 0;
  for (; path && path[i] && i + 1 < sizeof summary_path; ++i) summary_path[i] = path[i];
  summary_path[i] = 0;
}

void write_summary(int status) {
  if (!summary_path[0]) return;
  Text line;
  line << "{\"pid\":" << static_cast<unsigned long>(control().identity.pid) << ",\"state\":\""
       << name_of(control().state.load()) << "\",\"status\":" << static_cast<unsigned long>(status) << ",\"threads\":[";
  for (uint32_t n = 0; n < node_count(); ++n) line << (n ? "," : "") << node_record({n}).thread_started_count.load();
  line << "],\"requests\":[";
  for (uint32_t n = 0; n < node_count(); ++n) line << (n ? "," : "") << node_record({n}).requests_served.load();
  line << "],\"home\":" << home_node().value << ",\"trapped\":" << node_record(home_node()).trapped.load()
       << ",\"node\":" << (vfd::in_cluster() ? vfd::membership.node.value : home_node().value)
       << ",\"moved\":" << (vfd::is_body() ? "true" : "false") << ",\"patched\":" << control().patched_sites.load()
       << ",\"pipe_bytes\":" << node_record(this_node()).pipe_bytes.load()
       << ",\"conversion_us\":" << control().conversion_us.load() << "}\n";
  if (vfd::is_body() && !all_files_are_common()) return append_at_home(line);
  append(line);
}

} // namespace sp
