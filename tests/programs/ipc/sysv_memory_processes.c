// SPDX-License-Identifier: Apache-2.0
// System V shared memory between processes, forked and executed: the same memory at whatever address, how many are
// attached, read-only and fixed attachments, what exec and the end of a process take away, removal with the last one.
// Breaks when the nodes' segments are not the same ones.
// calls: shmget shmat shmdt shmctl
#include "../check.h"
#include <sys/ipc.h>
#include <sys/shm.h>

enum { kBytes = 5 * 4096 + 100, kTurns = 2000 };
struct shared {
  volatile int turn, count, mark;
  char rest[kBytes - 12];
};
static int id;

static struct shared* attach(void) {
  struct shared* at = shmat(id, NULL, 0);
  CHECK(at != (void*)-1);
  return at;
}
static unsigned long attached(void) {
  struct shmid_ds about;
  CHECK(shmctl(id, IPC_STAT, &about) == 0 && about.shm_segsz == kBytes);
  return about.shm_nattch;
}

static void peer(struct shared* s) {
  CHECK(s->rest[kBytes - 13] == 'z');
  for (int i = 0; i < kTurns; i++) {
    while (s->turn != 1) sched_yield();
    s->count++, s->turn = 0;
  }
  s->mark = getpid();
  _exit(7);
}
static void takes_turns(struct shared* s, int executes) {
  char text[20], path[400] = "";
  CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  snprintf(text, sizeof text, "%d", id);
  s->turn = s->count = 0;
  pid_t child = fork();
  if (child == 0 && executes) execl(path, path, text, NULL);
  if (child == 0) peer(s);
  for (int i = 0; i < kTurns; i++) {
    while (s->turn != 0) sched_yield();
    s->count++, s->turn = 1;
  }
  CHECK_EXITED(child, 7);
  CHECK(s->count == 2 * kTurns && s->mark == child);
  CHECK(attached() == 1);
}

static void is_counted(struct shared* s) {
  pid_t child = fork();
  if (child == 0) {
    CHECK(attached() == 2);
    struct shared* again = attach();
    CHECK(attached() == 3 && again != s && shmdt(s) == 0 && attached() == 2);
    again->mark = 99;
    for (;;) pause();
  }
  EVENTUALLY(s->mark == 99);
  EVENTUALLY(attached() == 2); // one less for the moment in which a child moves (docs/syscalls.md, shmctl)
  CHECK(kill(child, SIGKILL) == 0);
  int status = status_of(child);
  CHECK(WIFSIGNALED(status) && attached() == 1);
}

static void kinds(struct shared* s) {
  char* place = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct shared* read_only = shmat(id, NULL, SHM_RDONLY);
  CHECK(read_only != (void*)-1 && read_only->mark == s->mark);
  CHECK(mprotect(read_only, 4096, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  CHECK(shmdt(read_only) == 0);
  CHECK(shmat(id, place + 4096, 0) == (void*)-1 && errno == EINVAL);
  CHECK(shmat(id, place + 5000, SHM_REMAP) == (void*)-1 && errno == EINVAL);
  struct shared* fixed = shmat(id, place + 5000, SHM_REMAP | SHM_RND);
  CHECK((char*)fixed == place + 4096);
  fixed->mark = 55;
  CHECK(s->mark == 55 && attached() == 2 && shmdt(fixed) == 0 && attached() == 1);
  CHECK(shmdt(place) == -1 && errno == EINVAL && shmat(id + 99999, NULL, 0) == (void*)-1 && errno == EINVAL);
}

// Written and read by calls, and never seen by who comes later.
static void is_removed(struct shared* s) {
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], s->rest, 4) == 4 && read(ends[0], s->rest + 8, 4) == 4);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0 && attached() == 1);
  s->rest[0] = 'q';
  pid_t child = fork();
  if (child == 0) _exit(s->rest[0] == 'q' ? 3 : 1);
  CHECK_EXITED(child, 3);
  CHECK(shmdt(s) == 0 && shmat(id, NULL, 0) == (void*)-1 && (errno == EINVAL || errno == EIDRM));
  for (int i = 0; i < 3; i++) {
    id = shmget(IPC_PRIVATE, kBytes, IPC_CREAT | 0600);
    struct shared* fresh = attach();
    CHECK(fresh->mark == 0 && fresh->rest[0] == 0 && fresh->rest[kBytes - 13] == 0);
    memset(fresh, 'f', kBytes);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0 && shmdt(fresh) == 0);
  }
}

int main(int argc, char** argv) {
  if (argc > 1) id = atoi(argv[1]), peer(attach());
  key_t key = 0x5350 << 16 | (getpid() & 0xffff);
  id = shmget(key, kBytes, IPC_CREAT | IPC_EXCL | 0600);
  CHECK(id >= 0 && shmget(key, 0, 0) == id && shmget(key, kBytes + 1, 0) == -1 && errno == EINVAL);
  struct shared* s = attach();
  s->rest[kBytes - 13] = 'z';
  takes_turns(s, 0), takes_turns(s, 1), takes_turns(s, 1);
  is_counted(s);
  kinds(s);
  is_removed(s);
  ok();
}
