// SPDX-License-Identifier: Apache-2.0
// A System V message queue between processes, forked and executed: types, lengths, who was last, a full queue, EINTR,
// removal. Breaks when the nodes' queues are not the same ones.
// calls: msgget msgsnd msgrcv msgctl
#include "../check.h"
#include <sys/ipc.h>
#include <sys/msg.h>

enum { kAsk = 1, kAnswer = 2, kRounds = 50, kBytes = 4000 };
struct message {
  long type;
  char text[kBytes];
};
static int queue;

static struct msqid_ds about_queue(void) {
  struct msqid_ds about;
  CHECK(msgctl(queue, IPC_STAT, &about) == 0);
  return about;
}

static void peer(void) {
  struct message m;
  for (int i = 0; i < kRounds; i++) {
    CHECK(msgrcv(queue, &m, kBytes, kAsk, 0) == i * 70);
    for (int k = 0; k < i * 70; k++) CHECK(m.text[k] == (char)(i + k));
    m.type = kAnswer;
    CHECK(msgsnd(queue, &m, (size_t)i, 0) == 0);
  }
  _exit(about_queue().msg_lspid == getpid() ? 7 : 1);
}

static void asks(int executes) {
  char id[20], path[400] = "";
  struct message m;
  CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  snprintf(id, sizeof id, "%d", queue);
  pid_t child = fork();
  if (child == 0 && executes) execl(path, path, id, NULL);
  if (child == 0) peer();
  for (int i = 0; i < kRounds; i++) {
    m.type = kAsk;
    for (int k = 0; k < i * 70; k++) m.text[k] = (char)(i + k);
    CHECK(msgsnd(queue, &m, (size_t)(i * 70), 0) == 0);
    CHECK(msgrcv(queue, &m, kBytes, kAnswer, 0) == i);
  }
  CHECK_EXITED(child, 7);
  struct msqid_ds about = about_queue();
  CHECK(about.msg_lspid == child && about.msg_qnum == 0);
}

static void lengths(void) {
  struct message m = {9, "abcdef"};
  CHECK(msgsnd(queue, &m, 6, 0) == 0);
  CHECK(msgrcv(queue, &m, 3, 9, 0) == -1 && errno == E2BIG);
  m.type = 0;
  CHECK(msgrcv(queue, &m, 3, -10, MSG_NOERROR) == 3 && m.type == 9 && memcmp(m.text, "abc", 3) == 0);
  CHECK(about_queue().msg_lrpid == getpid());
  CHECK(msgrcv(queue, &m, kBytes, 0, IPC_NOWAIT) == -1 && errno == ENOMSG);
  m.type = 0;
  CHECK(msgsnd(queue, &m, 1, 0) == -1 && errno == EINVAL);
  m.type = 1;
  CHECK(msgsnd(queue, &m, (size_t)-1, 0) == -1 && errno == EINVAL && msgsnd(queue, &m, 1 << 20, 0) == -1);
  CHECK(msgsnd(queue, (void*)8, 1, 0) == -1 && errno == EFAULT);
}

static void is_filled(void) {
  struct message m = {3, ""};
  int sent = 0;
  while (msgsnd(queue, &m, kBytes, IPC_NOWAIT) == 0) sent++;
  CHECK(errno == EAGAIN && sent > 0 && about_queue().msg_qnum == (msgqnum_t)sent);
  pid_t child = fork();
  m.type = 4;
  if (child == 0) _exit(msgsnd(queue, &m, kBytes, 0) == 0 ? 8 : 1);
  sleep_ms(20);
  for (int i = 0; i < sent; i++) CHECK(msgrcv(queue, &m, kBytes, 3, 0) == kBytes);
  CHECK(msgrcv(queue, &m, kBytes, 4, 0) == kBytes);
  CHECK_EXITED(child, 8);
}

static void on_signal(int number) { (void)number; }

// What it sees in a wait that this process ends; it may not have begun to wait when it is first told.
static void waits(void (*ends)(pid_t child), long type, int error) {
  struct message m;
  pid_t child = fork(), ended = 0;
  int status = 0;
  if (child == 0) _exit(msgrcv(queue, &m, kBytes, type, 0) == -1 && errno == error ? 5 : 1);
  for (int i = 0; i < 500 && ended == 0; i++) {
    sleep_ms(20);
    if (i) ends(child);
    ended = waitpid(child, &status, WNOHANG);
  }
  CHECK(ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
}
static void interrupts(pid_t child) { CHECK(kill(child, SIGUSR1) == 0); }
static void removes(pid_t child) {
  (void)child;
  sleep_ms(50);
  msgctl(queue, IPC_RMID, NULL);
}

int main(int argc, char** argv) {
  if (argc > 1) queue = atoi(argv[1]), peer();
  key_t key = 0x5350 << 16 | (getpid() & 0xffff);
  queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
  CHECK(queue >= 0 && msgget(key, 0600) == queue);
  asks(0), asks(1), asks(1);
  lengths();
  is_filled();
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  waits(interrupts, 5, EINTR);
  waits(removes, 6, EIDRM);
  ok();
}
