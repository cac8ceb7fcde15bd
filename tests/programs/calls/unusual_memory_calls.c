// SPDX-License-Identifier: Apache-2.0
// mlockall with munlockall, mlock2, protection keys, modify_ldt, remap_file_pages and map_shadow_stack: work in every thread, or say that
// the machine has no such thing, and leave memory as it was. Breaks when one resident only has what the call sets up.
// calls: mlockall munlockall mlock2 pkey_alloc pkey_free pkey_mprotect modify_ldt remap_file_pages map_shadow_stack
// threads: 12
#include "../check.h"
#include <asm/ldt.h>

static char* memory;

static void* locks(void* argument) {
  CHECK(mlockall(MCL_CURRENT | MCL_ONFAULT) == 0 || errno == ENOMEM || errno == EPERM);
  CHECK(munlockall() == 0);
  CHECK(mlock2(memory, 4096, MLOCK_ONFAULT) == 0 && munlock(memory, 4096) == 0);
  CHECK(memory[0] == 'm' && (memory[5000] = 1) == 1);
  return argument;
}
static void* uses_keys(void* argument) {
  int key = pkey_alloc(0, 0);
  if (key >= 0) {
    CHECK(pkey_mprotect(memory, 4096, PROT_READ | PROT_WRITE, key) == 0 && memory[0] == 'm');
    memory[1] = 2;
    CHECK(pkey_mprotect(memory, 4096, PROT_READ | PROT_WRITE, -1) == 0 && pkey_free(key) == 0);
  } else {
    CHECK(errno == ENOSPC || errno == ENOSYS || errno == EINVAL);
    CHECK(pkey_mprotect(memory, 4096, PROT_READ | PROT_WRITE, -1) == 0);
  }
  CHECK(memory[0] == 'm');
  return argument;
}
static void* unusual(void* argument) {
  struct user_desc entry = {.entry_number = 0, .limit = 100, .seg_32bit = 1};
  CHECK(syscall(SYS_modify_ldt, 1, &entry, sizeof entry) == 0 || errno == ENOSYS || errno == EINVAL);
  CHECK(syscall(SYS_remap_file_pages, memory, 4096L, 0L, 0L, 0L) == -1 && (errno == EINVAL || errno == ENOSYS));
  CHECK(syscall(453 /* map_shadow_stack */, 0L, 4096L, 99L) == -1);
  CHECK(errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP);
  CHECK(memory[0] == 'm');
  return argument;
}

int main(void) {
  memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memory[0] = 'm';
  locks(NULL), uses_keys(NULL), unusual(NULL);
  run_on_each(locks, NULL), run_on_each(uses_keys, NULL), run_on_each(unusual, NULL);
  ok();
}
