// SPDX-License-Identifier: Apache-2.0
// Atomic counters, compare-and-swap lists and message passing by release and acquire hold between threads of all nodes.
// Breaks when the same address is not the same page.
// calls: clone
// threads: 4
#include "../check.h"
#include <stdatomic.h>

enum { kThreads = 4, kRounds = 50000 };
struct node {
  struct node* next;
  long value;
};
static atomic_long sum, flag;
static long payload[16];
static _Atomic(struct node*) head;
static atomic_int ready;

static void* body(void* argument) {
  ready++;
  while (ready < kThreads) sched_yield();
  for (long i = 1; i <= kRounds; i++) {
    atomic_fetch_add(&sum, i);
    if (i % 50 != 0) continue;
    struct node* node = malloc(sizeof *node);
    node->value = i;
    node->next = atomic_load(&head);
    while (!atomic_compare_exchange_weak(&head, &node->next, node)) {
    }
  }
  if (argument == NULL) {
    for (int i = 0; i < 16; i++) payload[i] = i + 1;
    atomic_store_explicit(&flag, 1, memory_order_release);
  } else {
    while (!atomic_load_explicit(&flag, memory_order_acquire)) sched_yield();
    for (int i = 0; i < 16; i++) CHECK(payload[i] == i + 1);
  }
  return NULL;
}

int main(void) {
  run_together(kThreads, body);
  CHECK(sum == (long)kThreads * kRounds * (kRounds + 1) / 2);
  long count = 0;
  for (struct node *node = head, *next; node != NULL; node = next, count++) next = node->next, free(node);
  CHECK(count == kThreads * kRounds / 50);
  ok();
}
