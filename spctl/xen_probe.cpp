// SPDX-License-Identifier: Apache-2.0
#include "spctl/xen_probe.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

namespace sp::spctl {

#ifdef SP_HAVE_XEN
static constexpr bool kBuilt = true;
#else
static constexpr bool kBuilt = false;
#endif

static std::string first_word(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
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
  constexpr int kPagesSmall = 16384; // 64 MiB
  probe.ready = kBuilt && atoi(pages.c_str()) >= kPagesSmall;
  if (!probe.ready) probe.next = kBuilt ? "as root: modprobe xen-gntalloc limit=65536" : "build with libxen-dev";
  return probe;
}

} // namespace sp::spctl
