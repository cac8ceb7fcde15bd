// SPDX-License-Identifier: Apache-2.0
// A child forked while another thread holds a mutex sees it locked; with the parent's other threads gone it stays so;
// stdio still works. Breaks when conversion state in the child counts on threads that do not exist there.
// calls: fork
// threads: 4
#include "../check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int held, release;

static void* holds(void* argument) {
  pthread_mutex_lock(&lock);
  __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&release, __ATOMIC_SEQ_CST));
  pthread_mutex_unlock(&lock);
  return argument;
}

int main(void) {
  for (int i = 0; i < 4; i++) {
    held = release = 0;
    pthread_t thread = start(holds, NULL);
    EVENTUALLY(__atomic_load_n(&held, __ATOMIC_SEQ_CST));
    pid_t child = fork();
    if (child == 0) {
      CHECK(pthread_mutex_trylock(&lock) == EBUSY);
      sleep_ms(2);
      CHECK(pthread_mutex_trylock(&lock) == EBUSY);
      CHECK(pthread_kill(pthread_self(), 0) == 0);
      FILE* file = fopen("/dev/null", "w");
      CHECK(fprintf(file, "%d\n", i) > 0 && fclose(file) == 0);
      _exit(0);
    }
    CHECK_EXITED(child, 0);
    __atomic_store_n(&release, 1, __ATOMIC_SEQ_CST);
    join(thread);
  }
  ok();
}
