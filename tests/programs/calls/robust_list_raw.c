// SPDX-License-Identifier: Apache-2.0
// set_robust_list, get_robust_list, membarrier and getrandom by raw calls in each thread answer as natively.
// Breaks when the shim replaces or forgets what the kernel keeps for each thread.
// calls: get_robust_list set_robust_list membarrier getrandom
// threads: 4
#include "../check.h"

static void* body(void* argument) {
  void *head = NULL, *again = NULL;
  size_t length = 0;
  char bytes[16] = "";
  CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0 && head != NULL && length == 24);
  CHECK(syscall(SYS_get_robust_list, gettid(), &again, &length) == 0 && again == head);
  CHECK(syscall(SYS_set_robust_list, head, 24L) == 0 && syscall(SYS_set_robust_list, head, 23L) == -1 &&
        errno == EINVAL);
  long commands = syscall(SYS_membarrier, 0, 0, 0);
  CHECK(commands > 0 || errno == ENOSYS);
  if (commands > 0) CHECK(syscall(SYS_membarrier, 16, 0, 0) == 0 && syscall(SYS_membarrier, 8, 0, 0) == 0);
  CHECK(syscall(SYS_getrandom, bytes, 16L, 0L) == 16);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
