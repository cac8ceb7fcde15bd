// SPDX-License-Identifier: Apache-2.0
// System V shared memory, attached in one thread, is seen in the others and shared with a child; detached it is gone.
// Breaks when shmat maps on one node only.
// calls: shmget shmat shmdt shmctl
// threads: 14
#include "../check.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static int id;
static int* memory;

static void* attaches(void* argument) {
  memory = shmat(id, NULL, 0);
  CHECK(memory != (void*)-1);
  return argument;
}
static void* adds(void* argument) {
  ++*memory;
  return argument;
}
static void* detaches(void* argument) {
  CHECK(shmdt(memory) == 0);
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], memory, 1) == -1 && errno == EFAULT);
  close(ends[0]), close(ends[1]);
  return argument;
}

int main(void) {
  id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
  CHECK(id >= 0);
  int* early = shmat(id, NULL, 0);
  CHECK(early != (void*)-1 && shmctl(id, IPC_RMID, NULL) == 0);
  memory = early;
  run_on_each(adds, NULL);
  for (int i = 0; i < 3; i++) {
    i == 1 ? attaches(NULL) : join(start(attaches, NULL));
    adds(NULL);
    join(start(adds, NULL)), join(start(adds, NULL));
    pid_t child = fork();
    if (child == 0) adds(NULL), _exit(0);
    CHECK_EXITED(child, 0);
    i == 2 ? detaches(NULL) : join(start(detaches, NULL));
    CHECK(early[0] == 4 + (i + 1) * 4);
  }
  memory = early;
  detaches(NULL);
  ok();
}
