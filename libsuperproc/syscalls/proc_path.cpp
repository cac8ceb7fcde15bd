// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/proc_path.hpp"

#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/process/threads.hpp"

namespace sp {

namespace {

constexpr int kTailBytesMax = 200;

// What follows `prefix` in `text`, or null.
const char* after(const char* text, const char* prefix) {
  for (; *prefix; ++text, ++prefix)
    if (*text != *prefix) return nullptr;
  return text;
}

bool ends_name(char c) { return c == '/' || c == 0; }
bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

// A number's end, or null.
const char* parse(const char* text, int32_t& number) {
  int64_t value = 0;
  const char* at = text;
  for (; *at >= '0' && *at <= '9' && at - text < 10; ++at) value = value * 10 + (*at - '0');
  number = static_cast<int32_t>(value);
  return at == text || !ends_name(*at) ? nullptr : at;
}

// Puts "/proc/NUMBER" or "/proc/NUMBER/task/NUMBER" and the tail together.
class Assembly {
public:
  explicit Assembly(ProcPath& out) : at_(out.text) { out.path = out.text; }
  Assembly& operator<<(const char* text) {
    while (*text) *at_++ = *text++;
    *at_ = 0;
    return *this;
  }
  Assembly& operator<<(int32_t number) {
    char digits[12];
    int i = 11;
    digits[i] = 0;
    for (auto rest = static_cast<uint32_t>(number); rest || i == 11; rest /= 10)
      digits[--i] = static_cast<char>('0' + rest % 10);
    return *this << &digits[i];
  }

private:
  char* at_;
};

bool is_short(const char* tail) {
  for (int i = 0; i < kTailBytesMax; ++i)
    if (!tail[i]) return true;
  return false;
}

// Names our process: what follows that name, or null.
const char* after_own_name(const char* below_proc) {
  if (const char* rest = after(below_proc, "self")) return ends_name(*rest) ? rest : nullptr;
  int32_t number;
  const char* rest = parse(below_proc, number);
  return rest && number == control().identity.pid ? rest : nullptr;
}

// `rest` begins behind /task/TID of a thread that is not home's.
bool find_thread_path(const char* tail, ProcPath& out) {
  int32_t tid;
  const char* rest = after(tail, "/task/");
  rest = rest ? parse(rest, tid) : nullptr;
  if (!rest) return false;
  const wire::ThreadRecord* record = find_thread(tid);
  if (!record || record->node.load() == home_node().value) return false;
  Assembly(out) << "/proc/" << tid << "/task/" << tid << rest;
  out.node = {record->node.load()};
  if (equal(rest, "/comm")) out.file = ProcFile::thread_name;
  if (equal(rest, "/status")) out.file = ProcFile::status;
  return true;
}

ProcFile file_named(const char* tail) {
  if (equal(tail, "/status")) return ProcFile::status;
  if (equal(tail, "/task") || equal(tail, "/task/")) return ProcFile::task_list;
  return ProcFile::other;
}

} // namespace

bool find_proc_path(const char* given, ProcPath& out) {
  constexpr char kProc[] = "/proc/";
  if (!sp_starts_with(given, kProc)) [[likely]]
    return false;
  const char* name = given + sizeof kProc - 1;
  out.path = given;
  out.file = ProcFile::other;
  out.node = this_node();
  if (const char* tail = after(name, "thread-self"); tail && ends_name(*tail)) {
    out.file = !*tail ? ProcFile::thread_self_link : equal(tail, "/status") ? ProcFile::status : ProcFile::other;
    return true;
  }
  const char* tail = after_own_name(name);
  if (!tail || !is_short(tail)) return false;
  if (!*tail) {
    out.file = *name == 's' ? ProcFile::self_link : ProcFile::other;
    return true;
  }
  if (find_thread_path(tail, out)) return true;
  out.file = file_named(tail);
  if (!at_home() && *name == 's' && !equal(tail, "/mem")) Assembly(out) << "/proc/" << control().identity.pid << tail;
  return true;
}

} // namespace sp
