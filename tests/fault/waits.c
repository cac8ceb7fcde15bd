// SPDX-License-Identifier: Apache-2.0
// waits KIND [exec|fork]: two children come to wait for one thing, or a victim has it and another waits. The victim is killed from
// outside, by whoever reads "victim PID PLACE" and "kill", or with WAITS_KILLS set by the first process; then what it waited for,
// or had, is the other's. TMPDIR is its own.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))
__attribute__((noreturn)) static void failed(const char* what, int line) {
  dprintf(2, "%d: line %d: %s does not hold: %s\n", getpid(), line, what, strerror(errno));
  _exit(1);
}

enum { kKey = 0x5e000000, kLimitS = 15 };
static pid_t first; // who started all
static int is_victim;
static const char* name; // of shared memory and queues, with a slash
static struct Shared {
  int word;
  sem_t semaphore;
  pthread_mutex_t mutex;
} * shared;

static void say(const char* what) {
  char place[64] = "";
  CHECK(readlink("/proc/self/ns/pid", place, sizeof place - 1) > 0);
  dprintf(1, "%s %d %s\n", what, getpid(), place);
}
static void hold(void) {
  say("has it");
  for (;;) pause();
}

// ---- System V ----

static int set(void) { return semget(kKey + first, 1, 0600 | IPC_CREAT); }
static void add(int what, int flags) {
  struct sembuf operation = {0, (short)what, (short)flags};
  CHECK(semop(set(), &operation, 1) == 0);
}
static void semaphore_wait(void) { add(-1, 0); }
static void semaphore_give(void) {
  CHECK(semctl(set(), 0, GETNCNT) == 1);
  add(1, 0);
}
static void semaphore_end(void) {
  CHECK(semctl(set(), 0, GETVAL) == 0 && semctl(set(), 0, GETNCNT) == 0);
  CHECK(semctl(set(), 0, IPC_RMID) == 0);
}
static void undo_make(void) { CHECK(semctl(set(), 0, SETVAL, 1) == 0); }
static void undo_wait(void) {
  add(-1, is_victim ? SEM_UNDO : 0);
  if (is_victim) hold();
}

struct Message {
  long type;
  char text[8];
};
static int queue(void) { return msgget(kKey + first, 0600 | IPC_CREAT); }
static void message_send(const char* text) {
  struct Message message = {1, ""};
  strcpy(message.text, text);
  CHECK(msgsnd(queue(), &message, 8, 0) == 0);
}
static void message_expect(const char* text) {
  struct Message message = {0, ""};
  CHECK(msgrcv(queue(), &message, 8, 0, 0) == 8 && strcmp(message.text, text) == 0);
}
static void message_wait(void) { message_expect("given"); }
static void message_give(void) { message_send("given"); }
static void message_full(void) {
  struct msqid_ds about;
  CHECK(msgctl(queue(), IPC_STAT, &about) == 0);
  about.msg_qbytes = 8;
  CHECK(msgctl(queue(), IPC_SET, &about) == 0);
  message_send("full");
}
static void message_push(void) { message_send(is_victim ? "victim" : "other"); }
static void message_take(void) {
  message_expect("full");
  message_expect("other");
}
static void message_end(void) {
  struct msqid_ds about;
  CHECK(msgctl(queue(), IPC_STAT, &about) == 0 && about.msg_qnum == 0);
  CHECK(msgctl(queue(), IPC_RMID, NULL) == 0);
}

// ---- POSIX ----

static mqd_t posix_queue(void) {
  struct mq_attr about = {.mq_maxmsg = 1, .mq_msgsize = 8};
  const mqd_t it = mq_open(name, O_RDWR | O_CREAT, 0600, &about);
  CHECK(it >= 0);
  return it;
}
static void post_text(const char* text) {
  char padded[8] = "";
  strcpy(padded, text);
  CHECK(mq_send(posix_queue(), padded, 8, 0) == 0);
}
static void post_expect(const char* text) {
  char got[8];
  CHECK(mq_receive(posix_queue(), got, 8, NULL) == 8 && strcmp(got, text) == 0);
}
static void post_wait(void) { post_expect("given"); }
static void post_give(void) { post_text("given"); }
static void post_full(void) { post_text("full"); }
static void post_push(void) { post_text(is_victim ? "victim" : "other"); }
static void post_take(void) {
  post_expect("full");
  post_expect("other");
}
static void post_end(void) {
  struct mq_attr about;
  CHECK(mq_getattr(posix_queue(), &about) == 0 && about.mq_curmsgs == 0);
  CHECK(mq_unlink(name) == 0);
}

// ---- locks of files ----

static char file_name[256];
static int file; // of each process; the first one's is locked
static void open_file(void) { CHECK((file = open(file_name, O_RDWR | O_CREAT, 0600)) >= 0); }
static void whole_lock(void) {
  open_file();
  CHECK(flock(file, LOCK_EX) == 0);
}
static void whole_unlock(void) { CHECK(flock(file, LOCK_UN) == 0); }
static void record(int command, int type) {
  struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};
  CHECK(fcntl(file, command, &lock) == 0);
}
static void record_lock(void) {
  open_file();
  record(F_SETLKW, F_WRLCK);
}
static void record_unlock(void) { record(F_SETLKW, F_UNLCK); }
static void description_lock(void) {
  open_file();
  record(F_OFD_SETLKW, F_WRLCK);
}
static void description_unlock(void) { record(F_OFD_SETLKW, F_UNLCK); }
static void description_hold(void) {
  description_lock();
  if (is_victim) hold();
}
static void file_end(void) { CHECK(unlink(file_name) == 0); }

// ---- futexes ----

static long futex(int operation, int value) {
  return syscall(SYS_futex, &shared->word, operation, value, NULL, NULL, 0);
}
static void futex_wait(void) { CHECK(futex(FUTEX_WAIT, 0) == 0); }
static void futex_give(void) { CHECK(futex(FUTEX_WAKE, 100) == 1); }
static void named_wait(void) { CHECK(sem_wait(&shared->semaphore) == 0); }
static void named_give(void) { CHECK(sem_post(&shared->semaphore) == 0); }
static void named_end(void) { CHECK(sem_trywait(&shared->semaphore) < 0 && errno == EAGAIN); }
static void mutex_lock(void) { CHECK(pthread_mutex_lock(&shared->mutex) == 0); }
static void mutex_unlock(void) { CHECK(pthread_mutex_unlock(&shared->mutex) == 0); }
static void mutex_pass(void) {
  mutex_lock();
  mutex_unlock();
}
static void mutex_hold(void) {
  if (is_victim) mutex_lock(), hold();
  CHECK(pthread_mutex_lock(&shared->mutex) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(&shared->mutex) == 0);
  mutex_unlock();
}
static void none(void) {}

// ---- all of them ----

static const struct Kind {
  const char* name;
  int has; // the victim has it, and does not wait
  void (*make)(void);
  void (*wait)(void);
  void (*give)(void);
  void (*end)(void);
} kinds[] = {
    {"semop", 0, none, semaphore_wait, semaphore_give, semaphore_end},
    {"semadj", 1, undo_make, undo_wait, none, semaphore_end},
    {"msgrcv", 0, none, message_wait, message_give, message_end},
    {"msgsnd", 0, message_full, message_push, message_take, message_end},
    {"mq_receive", 0, none, post_wait, post_give, post_end},
    {"mq_send", 0, post_full, post_push, post_take, post_end},
    {"flock", 0, whole_lock, whole_lock, whole_unlock, file_end},
    {"record", 0, record_lock, record_lock, record_unlock, file_end},
    {"description", 0, description_lock, description_lock, description_unlock, file_end},
    {"description-held", 1, open_file, description_hold, none, file_end},
    {"futex", 0, none, futex_wait, futex_give, none},
    {"semaphore", 0, none, named_wait, named_give, named_end},
    {"robust", 0, mutex_lock, mutex_pass, mutex_unlock, mutex_pass},
    {"robust-held", 1, none, mutex_hold, none, mutex_pass},
};

static const struct Kind* kind_of(const char* wanted) {
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, wanted) == 0) return &kinds[i];
  exit(2);
}

static void map_shared(int flags) {
  const int memory = shm_open(name, O_RDWR | flags, 0600);
  CHECK(memory >= 0 && (!flags || ftruncate(memory, sizeof *shared) == 0));
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  CHECK(shared != MAP_FAILED && close(memory) == 0);
}

static void make_shared(void) {
  pthread_mutexattr_t kind;
  map_shared(O_CREAT | O_EXCL);
  CHECK(pthread_mutexattr_init(&kind) == 0 && pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0);
  CHECK(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0);
  CHECK(pthread_mutex_init(&shared->mutex, &kind) == 0 && sem_init(&shared->semaphore, 1, 0) == 0);
}

static int play(const struct Kind* kind, int victim) {
  alarm(kLimitS);
  is_victim = victim;
  say(victim ? "victim" : "other");
  kind->wait();
  say("got it");
  return 0;
}

static pid_t begin(const struct Kind* kind, const char* program, const char* role, int executes) {
  char number[16];
  snprintf(number, sizeof number, "%d", first);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child > 0) return child;
  if (executes) execl(program, program, kind->name, role, number, (char*)NULL);
  _exit(executes ? 127 : play(kind, role[0] == 'v'));
}

static int lead(const struct Kind* kind, const char* program, int executes) {
  int status = 0;
  make_shared();
  kind->make();
  const pid_t victim = begin(kind, program, "victim", executes);
  usleep(400000); // until it waits, or has it
  const pid_t other = begin(kind, program, "other", executes);
  usleep(400000);
  say("kill");
  if (getenv("WAITS_KILLS")) CHECK(kill(victim, SIGKILL) == 0);
  CHECK(waitpid(victim, &status, 0) == victim && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  kind->give();
  CHECK(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  kind->end();
  CHECK(shm_unlink(name) == 0);
  say("done");
  return 0;
}

int main(int count, char** words) {
  if (count < 3) return 2;
  const struct Kind* const kind = kind_of(words[1]);
  alarm(kLimitS);
  first = count > 3 ? atoi(words[3]) : getpid();
  if (!getenv("TMPDIR")) return 2;
  name = strrchr(getenv("TMPDIR"), '/');
  snprintf(file_name, sizeof file_name, "%s/file", getenv("TMPDIR"));
  if (count < 4) return lead(kind, words[0], strcmp(words[2], "exec") == 0);
  map_shared(0);
  return play(kind, words[2][0] == 'v');
}
