// SPDX-License-Identifier: Apache-2.0
// hello_nodes: the one example that knows superproc: it asks how many nodes there are and puts two threads on each. The
// same file runs natively, where there is one node. All threads add to one counter, in memory that all nodes see.
#include "libsuperproc/superproc.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { kThreadsANode = 2, kThreadsMax = 64, kAdditions = 1000 };

struct Greeter {
  int wanted_node;
  int node;
};

static atomic_int total;

static void* greet(void* argument) {
  struct Greeter* self = argument;
  self->node = sp_node_self();
  for (int i = 0; i < kAdditions; i++) atomic_fetch_add(&total, 1);
  return NULL;
}

int main(void) {
  int node_count = sp_node_count();
  int thread_count = node_count * kThreadsANode > kThreadsMax ? kThreadsMax : node_count * kThreadsANode;
  printf("superproc %s: %d node%s, main thread on node %d\n", *sp_version() ? sp_version() : "absent", node_count,
         node_count == 1 ? "" : "s", sp_node_self());

  struct Greeter greeters[kThreadsMax];
  pthread_t threads[kThreadsMax];
  for (int i = 0; i < thread_count; i++) {
    greeters[i].wanted_node = i % node_count;
    int error = sp_place_next(greeters[i].wanted_node);
    if (error == 0) error = pthread_create(&threads[i], NULL, greet, &greeters[i]);
    if (error != 0) {
      fprintf(stderr, "hello_nodes: thread %d: %s\n", i, strerror(error));
      return 1;
    }
  }
  int misplaced_count = 0;
  for (int i = 0; i < thread_count; i++) {
    pthread_join(threads[i], NULL);
    printf("hello from thread %d on node %d\n", i, greeters[i].node);
    misplaced_count += greeters[i].node != greeters[i].wanted_node;
  }
  printf("%d additions by %d threads\n", atomic_load(&total), thread_count);
  return misplaced_count != 0 || atomic_load(&total) != thread_count * kAdditions;
}
