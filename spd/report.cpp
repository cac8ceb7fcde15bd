// SPDX-License-Identifier: Apache-2.0
#include "spd/report.hpp"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "libsuperproc/wire/launch_report.hpp"

namespace sp::spd {

namespace {
int launcher = -1;
}

void report_to(int descriptor) {
  launcher = descriptor;
  fcntl(launcher, F_SETFD, FD_CLOEXEC);
}

void report_end(int wait_status) {
  const wire::LaunchReport report{0, wait_status, {}};
  (void)!write(launcher, &report, sizeof report);
  close_report();
}

void close_report() {
  close(launcher);
  launcher = -1;
}

void give_up(int exit_code, const char* what, int error) {
  wire::LaunchReport report{exit_code, 0, {}};
  snprintf(report.why, sizeof report.why, "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
  (void)!write(launcher, &report, sizeof report);
  _exit(exit_code);
}

} // namespace sp::spd
