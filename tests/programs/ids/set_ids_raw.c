// SPDX-License-Identifier: Apache-2.0
// Raw setreuid, setregid, setuid, setgroups and capset to the present values: as natively they concern the calling thread only, and
// change nothing. Breaks when a call for one kernel task is sent to all residents, or is refused.
// calls: setuid setreuid setregid setgroups capset capget getgroups
// threads: 7
#include "../check.h"
#include <grp.h>
#include <linux/capability.h>

static void* body(void* argument) {
  uid_t user = getuid();
  gid_t group = getgid(), groups[200];
  CHECK(syscall(SYS_setreuid, user, user) == 0 && syscall(SYS_setregid, group, group) == 0);
  CHECK(syscall(SYS_setuid, user) == 0 && setreuid(-1, user) == 0 && setregid(-1, group) == 0);
  int count = getgroups(200, groups);
  CHECK(count >= 0);
  if (user == 0)
    CHECK(setgroups(count, groups) == 0);
  else
    CHECK(setgroups(count, groups) == -1 && errno == EPERM);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2], now[2];
  CHECK(syscall(SYS_capget, &header, data) == 0 && syscall(SYS_capset, &header, data) == 0);
  CHECK(syscall(SYS_capget, &header, now) == 0 && memcmp(now, data, sizeof now) == 0);
  CHECK(getuid() == user && geteuid() == user && getgid() == group && getegid() == group);
  return argument;
}
static void* own_capabilities(void* argument) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2], now[2];
  CHECK(syscall(SYS_capget, &header, data) == 0);
  if (argument != NULL) { // gives up all of its own; the others keep theirs
    memset(data, 0, sizeof data);
    CHECK(syscall(SYS_capset, &header, data) == 0);
  }
  CHECK(syscall(SYS_capget, &header, now) == 0 && memcmp(now, data, sizeof now) == 0);
  return (void*)(uintptr_t)now[0].effective;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  void* mine = own_capabilities(NULL);
  CHECK(join(start(own_capabilities, (void*)1)) == NULL && join(start(own_capabilities, (void*)1)) == NULL);
  CHECK(own_capabilities(NULL) == mine && join(start(own_capabilities, NULL)) == mine);
  ok();
}
