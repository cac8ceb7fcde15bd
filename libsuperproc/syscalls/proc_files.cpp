// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/proc_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/memfd.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/remote.hpp"

namespace sp {

namespace {

bool starts_with(const char* text, const char* prefix) {
  while (*prefix && *text == *prefix) ++text, ++prefix;
  return !*prefix;
}

// ---- status ----

constexpr int kStatusBytesMax = 8192;

// Copies lines, with other values for some.
class StatusCopy {
public:
  StatusCopy(const char* from, long bytes, char* to) : from_(from), end_(from + bytes), to_(to), start_(to) {}
  long make(long parent) {
    while (from_ < end_) {
      if (starts_with(from_, "Tgid:\t"))
        replace("Tgid:\t", control().identity.pid);
      else if (starts_with(from_, "PPid:\t"))
        replace("PPid:\t", parent);
      else if (starts_with(from_, "Threads:\t"))
        replace("Threads:\t", control().thread_count.load());
      else
        copy_line();
    }
    return to_ - start_;
  }

private:
  void copy_line() {
    while (from_ < end_ && (*to_++ = *from_++) != '\n') {
    }
  }
  void replace(const char* name, long number) {
    Path line;
    line << name << number << "\n";
    for (const char* at = line.text(); *at;) *to_++ = *at++;
    while (from_ < end_ && *from_++ != '\n') {
    }
  }
  const char* from_;
  const char* end_;
  char* to_;
  char* start_;
};

// The numbers of home's own parent are known at home only.
long parent_of_home() {
  if (vfd::is_body()) return parent_of_body();
  return at_home() ? sys::call(SYS_getppid) : ask(home_node(), Operation::kernel_call, SYS_getppid);
}

long read_whole(long fd, char* to, long bytes_max) {
  long bytes = 0;
  for (long got; bytes < bytes_max && (got = sys::call(SYS_read, fd, to + bytes, bytes_max - bytes)) > 0;) bytes += got;
  return bytes;
}

// Puts a copy in the place of `fd`. Should anything fail, the kernel's own text has to do.
[[gnu::noinline]] long replace_status(long fd, int open_flags) {
  if ((open_flags & O_ACCMODE) != O_RDONLY || open_flags & O_PATH) return fd;
  char text[kStatusBytesMax], copy[kStatusBytesMax + 64];
  const long bytes = read_whole(fd, text, sizeof text);
  const long memory = sys::call(SYS_memfd_create, "status", MFD_CLOEXEC);
  if (sys::failed(memory)) {
    sys::call(SYS_lseek, fd, 0, SEEK_SET);
    return fd;
  }
  const long copied = StatusCopy(text, bytes, copy).make(parent_of_home());
  sys::call(SYS_pwrite64, memory, copy, copied, 0);
  sys::call(SYS_dup3, memory, fd, open_flags & O_CLOEXEC);
  sys::call(SYS_close, memory);
  return fd;
}

// ---- descriptors that are watched ----

struct Watched {
  std::atomic<int32_t> number; // fd + 1, 0: free
  NodeId node;                 // of the thread whose name it is
  uint32_t next_thread;        // of a directory: from where the other nodes' threads go on
};
struct WatchList {
  Lock lock;
  Watched entries[8];
};
constinit WatchList names{}, directories{};

// Does the descriptor still lead to a path with this end?
bool leads_to(long fd, const char* end) {
  char link[64];
  const long bytes = sys::call(SYS_readlink, (Path() << "/proc/self/fd/" << fd).text(), link, sizeof link - 1);
  if (sys::failed(bytes) || !starts_with(link, "/proc/")) return false;
  link[bytes] = 0;
  long length = 0;
  while (end[length]) ++length;
  return bytes >= length && starts_with(link + bytes - length, end);
}

void watch_descriptor(WatchList& list, long fd, NodeId node, uint32_t call, Handler handler) {
  Holding holding(list.lock);
  Watched* free = nullptr;
  for (Watched& entry : list.entries)
    if (entry.number.load() == fd + 1 || (!free && !entry.number.load())) free = &entry;
  if (!free) return;
  free->node = node;
  free->next_thread = 0;
  free->number.store(static_cast<int32_t>(fd) + 1);
  watch(call, handler);
}

Watched* find_watched(WatchList& list, long fd) {
  for (Watched& entry : list.entries)
    if (entry.number.load() == fd + 1) return &entry;
  return nullptr;
}

// Drops what is no such file any more; with nothing left, the call is not watched any longer.
void forget_stale(WatchList& list, const char* end, uint32_t call) {
  Holding holding(list.lock);
  bool any = false;
  for (Watched& entry : list.entries) {
    if (!entry.number.load()) continue;
    if (leads_to(entry.number.load() - 1, end))
      any = true;
    else
      entry.number.store(0);
  }
  if (!any) watch(call, nullptr);
}

// ---- the name of another node's thread ----

// One write is what pthread_setname_np does with it; then the descriptor is the kernel's business again.
long write_name(Call& call) {
  Watched* entry = find_watched(names, call.number_arg(0));
  if (!entry) return call.pass();
  const NodeId node = entry->node;
  const bool still = leads_to(call.number_arg(0), "/comm");
  entry->number.store(0);
  forget_stale(names, "/comm", SYS_write);
  if (!still || node == this_node()) return call.pass();
  return ask(node, Operation::kernel_call, SYS_write, call.arg(0), call.arg(1), call.arg(2));
}

// ---- the list of threads ----

struct Entry { // linux_dirent64
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[13];
};
constexpr uint16_t kEntryBytes = sizeof(Entry);
static_assert(kEntryBytes == 32);

long number_in(const char* name) {
  long value = 0;
  for (; *name >= '0' && *name <= '9'; ++name) value = value * 10 + (*name - '0');
  return *name ? 0 : value;
}

// Takes our service threads out of what the kernel gave; returns the bytes that are left.
long keep_programs_threads(char* buffer, long bytes) {
  long kept = 0;
  for (long at = 0; at < bytes;) {
    const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
    const uint16_t length = entry->bytes;
    if (entry->name[0] == '.' || find_thread(static_cast<int32_t>(number_in(entry->name)))) {
      if (kept != at) __builtin_memmove(buffer + kept, buffer + at, length);
      kept += length;
    }
    at += length;
  }
  return kept;
}

long add_other_threads(Watched& directory, char* buffer, long room) {
  long bytes = 0;
  const uint32_t high = control().thread_high.load();
  for (; directory.next_thread < high && bytes + kEntryBytes <= room; ++directory.next_thread) {
    const wire::ThreadRecord& record = control().threads[directory.next_thread];
    if (record.state.load() != wire::ThreadState::running || record.node.load() == home_node().value) continue;
    const Path name = Path() << record.tid.load();
    Entry entry{static_cast<uint64_t>(record.tid.load()), INT32_MAX, kEntryBytes, DT_DIR, {}};
    char* to = entry.name;
    for (const char* from = name.text(); (*to++ = *from++);) {
    }
    __builtin_memcpy(buffer + bytes, &entry, sizeof entry);
    bytes += kEntryBytes;
  }
  return bytes;
}

long list_threads(Call& call) {
  Watched* directory = find_watched(directories, call.number_arg(0));
  if (!directory || !leads_to(call.number_arg(0), "/task")) {
    forget_stale(directories, "/task", SYS_getdents64);
    return call.pass();
  }
  auto* buffer = call.pointer<char>(1);
  for (;;) {
    const long bytes = call.pass();
    if (sys::failed(bytes)) return bytes;
    if (bytes == 0) return add_other_threads(*directory, buffer, static_cast<long>(call.arg(2)));
    directory->next_thread = 0; // it is read from the beginning, perhaps again
    if (const long kept = keep_programs_threads(buffer, bytes)) return kept;
  }
}

} // namespace

long opened_proc_file(const ProcPath& path, long fd, int open_flags) {
  if (sys::failed(fd)) return fd;
  switch (path.file) {
    case ProcFile::status: return replace_status(fd, open_flags);
    case ProcFile::task_list: watch_descriptor(directories, fd, home_node(), SYS_getdents64, list_threads); break;
    case ProcFile::thread_name:
      if ((open_flags & O_ACCMODE) != O_RDONLY) watch_descriptor(names, fd, path.node, SYS_write, write_name);
      break;
    case ProcFile::self_link:
    case ProcFile::thread_self_link:
    case ProcFile::other: break;
  }
  return fd;
}

} // namespace sp
