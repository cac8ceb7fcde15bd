// SPDX-License-Identifier: Apache-2.0
#include "spd/restore.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <linux/sched.h>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#if __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#endif
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/wire/address_map.hpp"
#include "spd/departure.hpp"
#include "spd/restorer/request.hpp"

extern "C" const char restorer_code[], restorer_code_end[];

namespace sp::spd {

namespace {

constexpr uint64_t kCodeBytes = 64 << 10;
constexpr uint64_t kStackBytes = 64 << 10;

void* at(uint64_t address) { return reinterpret_cast<void*>(address); }

bool map_at(uint64_t address, uint64_t bytes, int protection) {
  constexpr int kFixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  return mmap(at(address), bytes, protection, kFixed, -1, 0) == at(address);
}

// Where this kernel has put what it maps into every process; the same in each child.
RestoreRequest find_kernel_mappings() {
  RestoreRequest request{};
  const char* const names[wire::kKernelMappingCount] = {"[vvar]", "[vvar_vclock]", "[vdso]"};
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    for (uint32_t i = 0; i < wire::kKernelMappingCount; ++i) {
      if (!line.ends_with(names[i])) continue;
      char* end = nullptr;
      const uint64_t start = strtoull(line.c_str(), &end, 16);
      request.kernel_mappings[i] = {start, strtoull(end + 1, nullptr, 16) - start};
    }
  return request;
}

// The code and the stack, once; children inherit them.
const RestoreRequest* prepare() {
  static const RestoreRequest known = find_kernel_mappings();
  static const bool is_ready = [] {
    (void)own_actions();
    if (!map_at(wire::kRestorerBase, kCodeBytes, PROT_READ | PROT_WRITE)) return false;
    if (!map_at(wire::kRestorerStackTop - kStackBytes, kStackBytes, PROT_READ | PROT_WRITE)) return false;
    memcpy(at(wire::kRestorerBase), restorer_code, static_cast<size_t>(restorer_code_end - restorer_code));
    return mprotect(at(wire::kRestorerBase), kCodeBytes, PROT_READ | PROT_EXEC) == 0;
  }();
  return is_ready ? &known : nullptr;
}

// The kernel would go on writing to where libc has it.
void give_up_restartable_sequences() {
#if __GLIBC_PREREQ(2, 35)
  constexpr unsigned kBytesAtFirst = 32; // what is registered, when less than that is used
  auto* const at = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  for (const unsigned bytes : {kBytesAtFirst, __rseq_size})
    if (syscall(SYS_rseq, at, bytes, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0) return;
#endif
}

[[noreturn]] void begin(const RestoreRequest& request) {
  default_signals(~0ull, 0);
  give_up_restartable_sequences();
  setpgid(0, 0);
  syscall(SYS_close_range, 0, ~0u, 0);
  auto* const given = reinterpret_cast<RestoreRequest*>(wire::kRestorerStackTop) - 1;
  *given = request;
  asm volatile("mov %0, %%rsp\n\tjmp *%1" : : "r"(given), "r"(wire::kRestorerBase), "D"(given) : "memory");
  __builtin_unreachable();
}

long make(pid_t pid, RestoreRequest request) {
  const RestoreRequest* const known = prepare();
  if (!known) return -ENOMEM;
  memcpy(request.kernel_mappings, known->kernel_mappings, sizeof request.kernel_mappings);
  request.drops_privileges = geteuid() != 0;
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = pid ? reinterpret_cast<uint64_t>(&pid) : 0;
  arguments.set_tid_size = pid ? 1 : 0;
  const long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made == 0) begin(request);
  return made < 0 ? -errno : made;
}

} // namespace

long restore(uint32_t source, uint64_t offset) {
  RestoreRequest request{};
  request.record = RestoreRequest::kDescribed, request.source = source, request.offset = offset;
  return make(0, request);
}

long restore_as(pid_t pid, uint32_t record, uint32_t use) {
  RestoreRequest request{};
  request.record = record, request.use = use;
  return make(pid, request);
}

} // namespace sp::spd
