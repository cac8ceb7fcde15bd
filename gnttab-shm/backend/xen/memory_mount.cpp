// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/memory_mount.hpp"

#include <fcntl.h>
#include <string>
#include <sys/mount.h>

namespace sp::xen {

// An instance that can be given memory.
static Descriptor new_mount() { return Descriptor(fsopen("superproc", FSOPEN_CLOEXEC)); }

Result<void> has_memory_files() {
  if (new_mount().get() < 0) return fail(errno);
  return {};
}

Result<Descriptor> mount_memory(const MemoryParts& parts) {
  const Descriptor made = new_mount();
  const auto say = [&made](const char* key, uint64_t value) {
    return fsconfig(made.get(), FSCONFIG_SET_STRING, key, std::to_string(value).c_str(), 0) == 0;
  };
  const bool right = made.get() >= 0 && say("start", parts.start) && say("segment", parts.segment_bytes) &&
                     say("pool", parts.pool_bytes) && say("pools", parts.pools) &&
                     fsconfig(made.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  Descriptor mounted(right ? fsmount(made.get(), FSMOUNT_CLOEXEC, 0) : -1);
  if (mounted.get() < 0) return fail(errno);
  return mounted;
}

Result<Descriptor> open_memory_file(const Descriptor& mount, const char* name) {
  Descriptor file(openat(mount.get(), name, O_RDWR | O_CLOEXEC));
  if (file.get() < 0) return fail(errno);
  return file;
}

} // namespace sp::xen
