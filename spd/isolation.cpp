// SPDX-License-Identifier: Apache-2.0
#include "spd/isolation.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "spd/image.hpp"
#include "spd/report.hpp"

namespace sp::spd {

namespace {

[[noreturn]] void cannot(const char* what) {
  const int error = errno;
  char text[64];
  snprintf(text, sizeof text, "an isolated node cannot %s", what);
  give_up(125, text, error);
}

// The node's own loopback, so that what a program asks for stays on the node.
void raise_loopback() {
  const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  if (s >= 0 && ioctl(s, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    ioctl(s, SIOCSIFFLAGS, &request);
  }
  close(s);
}

} // namespace

void furnish(NodeId self) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) cannot("have mounts of its own");
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) cannot("mount its /proc");
  const bool has_image = wire::cluster().image[0] != 0 && self.value != 0;
  if (has_image && !enter_image()) cannot("have the image as its root");
  if (self.value == 0) return;
  raise_loopback();
}

void drop_privileges() {
  if (geteuid() == 0) return; // the launcher's own, not lent by a user namespace
  sys::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  sys::call(SYS_capset, &header, none);
}

} // namespace sp::spd
