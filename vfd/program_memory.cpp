// SPDX-License-Identifier: Apache-2.0
#include "vfd/program_memory.hpp"

#include <sys/uio.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp::vfd {

thread_local constinit int32_t program_tid = 0;

namespace {

// process_vm_readv and process_vm_writev by thread, since the process's main thread may have ended.
// Returns how many bytes.
long transfer(long number, void* ours, const void* program, uint64_t bytes) {
  const iovec local{ours, bytes}, remote{const_cast<void*>(program), bytes};
  const long tid = program_tid ? program_tid : sys::call(SYS_gettid);
  return bytes ? sys::call(number, tid, &local, 1, &remote, 1, 0) : 0;
}

} // namespace

bool read_program(void* to, const void* from, uint64_t bytes) {
  return transfer(SYS_process_vm_readv, to, from, bytes) == static_cast<long>(bytes);
}

bool write_program(void* to, const void* from, uint64_t bytes) {
  return transfer(SYS_process_vm_writev, const_cast<void*>(from), to, bytes) == static_cast<long>(bytes);
}

uint64_t read_text(char* to, const char* from, uint64_t room) {
  for (uint64_t done = 0; done < room;) {
    const uint64_t to_page_end = wire::kPageBytes - (reinterpret_cast<uint64_t>(from) + done) % wire::kPageBytes;
    const uint64_t bytes = to_page_end < room - done ? to_page_end : room - done;
    if (!read_program(to + done, from + done, bytes)) return 0;
    for (const uint64_t end = done + bytes; done < end;)
      if (to[done++] == 0) return done;
  }
  return 0;
}

} // namespace sp::vfd
