// SPDX-License-Identifier: Apache-2.0
#include "spd/inquiries.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <linux/sched.h>
#include <sstream>
#include <string>
#include <sys/wait.h>

#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/syscalls/about_calls.hpp"
#include "libsuperproc/wire/figures.hpp"
#include "libsuperproc/wire/inquiry.hpp"
#include "spd/bodies.hpp"
#include "spd/ending_shadow.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

namespace {

struct Copy {
  uint64_t arguments[6];
  int32_t process;
  wire::Credentials rights;
  alignas(8) uint8_t in[wire::kInquiryMemoryMax], out[wire::kInquiryMemoryMax];
};

void read(const wire::Inquiry& from, Copy& to) {
  memcpy(to.arguments, from.arguments, sizeof to.arguments);
  to.process = static_cast<const volatile int32_t&>(from.process);
  memcpy(&to.rights, &from.rights, sizeof to.rights);
  memcpy(to.in, from.in, sizeof to.in);
}

// A number from shared memory: a process's or a group's, neither of them spd's; or a user's.
bool may_be_named(const AboutCall& row, const Copy& copy) {
  const auto who = static_cast<int32_t>(copy.arguments[row.who]);
  if (row.says_which() && copy.arguments[0] == row.user()) return who >= 0;
  return (!row.says_which() || copy.arguments[0] == row.process() || copy.arguments[0] == row.group()) &&
         is_leased(who);
}

bool names_ending_shadow(const AboutCall& row, const Copy& copy) {
  return (!row.says_which() || copy.arguments[0] == row.process()) &&
         is_ending_shadow(static_cast<pid_t>(copy.arguments[row.who]));
}

long perform(const AboutCall& row, Copy& copy) {
  auto& a = copy.arguments;
  const auto lead_to = [&](const AboutCall::Memory& memory, uint8_t* there) {
    if (memory.argument < 0 || !a[memory.argument]) return;
    a[memory.argument] = reinterpret_cast<uint64_t>(there);
    if (!memory.bytes && memory.length_from >= 0)
      a[memory.length_from] = std::min<uint64_t>(a[memory.length_from], wire::kInquiryMemoryMax);
  };
  lead_to(row.in, copy.in), lead_to(row.out, copy.out);
  return sys::call(row.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void write(const Copy& from, long result, wire::Inquiry& to) {
  memcpy(to.out, from.out, sizeof to.out);
  to.result = result;
}

bool has_rights(const wire::Credentials& wanted) {
  static const wire::Credentials own = [] {
    wire::Credentials read{};
    read_credentials(read);
    return read;
  }();
  return are_same(own, wanted);
}

// It has a number that no node gives out, so it takes none that another shall get, and nobody can name it; only one thread
// asks for it. A signal's receiver is told this number: it is the sender's own, which is free here unless it has a shadow.
// No exit signal: who reaps spd's other children does not see it.
long perform_as(const AboutCall& row, Copy& copy, wire::Inquiry& inquiry) {
  constexpr int kNobodys = 299; // below vpid::kReservedPids
  int number = row.is_signal() && is_leased(copy.process) ? copy.process : kNobodys;
  clone_args arguments{};
  arguments.set_tid = reinterpret_cast<uint64_t>(&number), arguments.set_tid_size = 1;
  long made = sys::call(SYS_clone3, &arguments, sizeof arguments);
  if (made == -EEXIST && number != kNobodys)
    number = kNobodys, made = sys::call(SYS_clone3, &arguments, sizeof arguments);
  if (made < 0) return made;
  if (made == 0) {
    take_on(copy.rights);
    const long result = perform(row, copy);
    write(copy, result, inquiry);
    for (;;) sys::call(SYS_exit_group, 0);
  }
  int status = 0;
  while (sys::call(SYS_wait4, made, &status, __WALL, nullptr) == -EINTR) {
  }
  return WIFEXITED(status) ? 0 : -EIO;
}

// Threads of a process of the first node are, here, those of its resident.
long find_receiver(const AboutCall& row, Copy& copy) {
  const auto thread = static_cast<pid_t>(copy.arguments[row.who]);
  if (row.who == 0) return 0;
  const auto process = static_cast<pid_t>(copy.arguments[0]);
  if (!is_leased(process)) return -ESRCH;
  if (const pid_t resident = resident_of(process, thread)) copy.arguments[0] = static_cast<uint64_t>(resident);
  return 0;
}

// proc_pid_stat(5), from the field behind the name on.
long answer_figures(wire::Inquiry& inquiry) {
  const auto pid = static_cast<int32_t>(static_cast<const volatile uint64_t&>(inquiry.arguments[0]));
  if (!is_leased(pid) || is_ending_shadow(pid)) return -ESRCH;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text) || text.rfind(')') == std::string::npos) return -ESRCH;
  std::istringstream words(text.substr(text.rfind(')') + 1));
  wire::Figures told{};
  std::string other;
  words >> told.state;
  for (int field = 4; field < 14; ++field) words >> other;
  words >> told.user_ticks >> told.system_ticks;
  for (int field = 16; field < 20; ++field) words >> other;
  words >> told.threads >> other >> other >> told.bytes >> told.resident_pages;
  if (!words) return -EIO;
  memcpy(inquiry.out, &told, sizeof told);
  inquiry.result = 0;
  return 0;
}

} // namespace

long answer_inquiry(uint64_t index) {
  if (index >= wire::kInquiryCount) return -EINVAL;
  wire::Inquiry& inquiry = wire::inquiry(static_cast<uint32_t>(index));
  const uint32_t number = static_cast<const volatile uint32_t&>(inquiry.number);
  if (number == wire::kFiguresOf) return answer_figures(inquiry);
  const AboutCall* const row = find_about_call(number);
  if (!row) return -ENOSYS;
  Copy copy{};
  read(inquiry, copy);
  if (copy.rights.group_count > wire::kGroupCountMax) return -EINVAL;
  if (!may_be_named(*row, copy) || names_ending_shadow(*row, copy)) return -ESRCH;
  if (row->is_signal()) {
    const long failed = find_receiver(*row, copy);
    return failed ? failed : perform_as(*row, copy, inquiry);
  }
  if (!has_rights(copy.rights)) return perform_as(*row, copy, inquiry);
  write(copy, perform(*row, copy), inquiry);
  return 0;
}

} // namespace sp::spd
