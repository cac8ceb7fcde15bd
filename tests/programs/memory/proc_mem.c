// SPDX-License-Identifier: Apache-2.0
// process_vm_readv and writev on the own pid and /proc/self/mem read and write the memory of the process, from every
// thread; a parent reads a child's. Breaks when the pid's map is the home resident's and lacks what others mapped.
// calls: process_vm_readv process_vm_writev pread64 pwrite64 mmap
// threads: 8
#include "../check.h"
#include <sys/uio.h>

static char* memory;

static void* maps(void* argument) {
  memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(memory, "mapped text");
  return argument;
}
static void* uses(void* argument) {
  char text[12] = "";
  struct iovec local = {text, 12}, remote = {memory, 12};
  CHECK(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 12 && strcmp(text, "mapped text") == 0);
  text[0] = 'M';
  CHECK(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 12 && memory[0] == 'M');
  int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0 && pread(fd, text, 12, (off_t)(uintptr_t)memory) == 12 && text[0] == 'M');
  CHECK(pwrite(fd, "m", 1, (off_t)(uintptr_t)memory) == 1 && memory[0] == 'm' && close(fd) == 0);
  return argument;
}

int main(void) {
  maps(NULL);
  uses(NULL);
  run_on_each(uses, NULL);
  join(start(maps, NULL));
  join(start(uses, NULL));
  uses(NULL);
  join(start(maps, NULL));
  join(start(uses, NULL));
  uses(NULL);
  ok();
}
