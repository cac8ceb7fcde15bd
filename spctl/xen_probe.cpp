// SPDX-License-Identifier: Apache-2.0
#include "spctl/xen_probe.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gnttab-shm/hypercall/address_range.h"

namespace sp::spctl {

#ifdef SP_HAVE_XEN
static constexpr bool kBuilt = true;
#else
static constexpr bool kBuilt = false;
#endif

static std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

static std::string first_word(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// Linux's way for a process to call the hypervisor (IOCTL_PRIVCMD_HYPERCALL).
struct Hypercall {
  uint64_t operation;
  uint64_t arguments[5];
};

// A hypervisor without the extension knows no such sub-operation; a domain without nested page tables is refused.
static std::string ranges() {
  const int device = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
  if (device < 0) return "; ranges: not known, no access to /dev/xen/privcmd";
  const auto ask = [device](uint16_t operation) {
    static xen_address_range argument; // not on a page that may have to be copied first
    argument = {};
    argument.op = operation;
    constexpr uint64_t kMemoryOperation = 12; // __HYPERVISOR_memory_op
    Hypercall call{kMemoryOperation, {XENMEM_address_range, reinterpret_cast<uintptr_t>(&argument)}};
    const int value = ioctl(device, _IOC(_IOC_NONE, 'P', 0, sizeof call), &call);
    return value < 0 ? -errno : value;
  };
  const int version = ask(XEN_ADDRESS_RANGE_probe), refusal = ask(XEN_ADDRESS_RANGE_query);
  close(device);
  if (version > 0 && version != XEN_ADDRESS_RANGE_VERSION)
    return fmt::format("; no ranges: the hypervisor's extension has version {}, not {}", version,
                       XEN_ADDRESS_RANGE_VERSION);
  if (version < 0) return "; no ranges: the hypervisor is without the extension";
  if (refusal == -EOPNOTSUPP) return "; no ranges: this domain's page tables are not nested";
  return fmt::format("; the hypervisor shares ranges, memory for own ones: {}",
                     first_line("/proc/cmdline").find("memmap=") == std::string::npos ? "none (memmap=SIZE$START)"
                                                                                      : "yes");
}

XenProbe probe_xen() {
  XenProbe probe;
  probe.in_domain = first_word("/sys/hypervisor/type") == "xen";
  const char* built = kBuilt ? "the backend is built" : "the backend is not built: libxen-dev was missing";
  if (!probe.in_domain) {
    probe.what = fmt::format("not a Xen domain; {}", built);
    return probe;
  }
  for (const char* device : {"gntalloc", "gntdev", "evtchn"}) {
    const std::string path = fmt::format("/dev/xen/{}", device);
    if (access(path.c_str(), R_OK | W_OK) == 0) continue;
    probe.what = fmt::format("a Xen domain, but no {}; {}", path, built);
    probe.next = fmt::format("as root: modprobe xen-{}; give this user access to {}", device, path);
    return probe;
  }
  const std::string pages = first_word("/sys/module/xen_gntalloc/parameters/limit");
  probe.what = fmt::format("a Xen domain ({}), may grant {} pages, map {} a request; {}",
                           first_word("/sys/hypervisor/guest_type"), pages,
                           first_word("/sys/module/xen_gntdev/parameters/limit"), built);
  probe.what += ranges();
  constexpr int kPagesSmall = 16384; // 64 MiB
  probe.ready = kBuilt && atoi(pages.c_str()) >= kPagesSmall;
  if (!probe.ready) probe.next = kBuilt ? "as root: modprobe xen-gntalloc limit=65536" : "build with libxen-dev";
  return probe;
}

} // namespace sp::spctl
