// SPDX-License-Identifier: Apache-2.0
// Children of a process with threads and much memory drop pages (MADV_DONTNEED, MADV_FREE, a heap that is trimmed, brk,
// munmap) and get zeros, while the parent writes the same addresses; they move, grow, lock and protect what they
// inherited, at once and later, and see plain anonymous memory in /proc/self/maps. Breaks when a child has any view left of
// its parent's memory.
// calls: fork madvise mremap munmap mprotect brk mlock setrlimit
// threads: 4
#include "../check.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>

enum { kSize = 16 << 20, kHalf = kSize / 2, kPage = 4096, kBlocks = 16, kBlockSize = 200 << 10, kHeap = 1 << 20 };
typedef unsigned char byte;
static volatile byte* memory;
static char *block[kBlocks], *thread_block[kBlocks], *heap_end;
static atomic_int over;

// Of the parent: everything of it changes all the time, never to zero.
static void* write_all(void* argument) {
  for (byte value = 1; !atomic_load(&over); value = value == 255 ? 1 : value + 1) {
    for (int i = 0; i < kSize; i += kPage) memory[i] = value;
    for (int i = 0; i < kBlocks; i++) memset(block[i], value, kBlockSize), memset(thread_block[i], value, kBlockSize);
    for (int i = 1; i < kHeap; i += kPage) heap_end[-i] = (char)value;
  }
  return argument;
}

static void* allocate(void* argument) {
  char** blocks = argument;
  for (int i = 0; i < kBlocks; i++) memset(blocks[i] = malloc(kBlockSize), 'x', kBlockSize);
  return NULL;
}

static bool is_zero(int start, int end) {
  for (int i = start; i < end; i += kPage)
    if (memory[i]) return false;
  return true;
}
static bool is_whole(int start, int end) {
  for (int i = start; i < end; i += kPage)
    if (!memory[i]) return false;
  return true;
}
static void stays_zero(int start, int end) {
  CHECK(is_zero(start, end));
  memory[start] = 7;
  sleep_ms(10);
  CHECK(memory[start] == 7 && is_zero(start + kPage, end));
}

// The one line of /proc/self/maps with this address is of no file, and reaches to `end`.
static void is_anonymous(volatile byte* at, volatile byte* end) {
  FILE* maps = fopen("/proc/self/maps", "re");
  unsigned long from, to, inode = 1;
  char line[400];
  bool found = false;
  while (!found && fgets(line, sizeof line, maps) != NULL)
    found =
        sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, &inode) == 3 && from <= (uintptr_t)at && to > (uintptr_t)at;
  CHECK(found && inode == 0 && to >= (uintptr_t)end);
  fclose(maps);
}

static void drop(void) {
  CHECK(madvise((void*)memory, kHalf, MADV_DONTNEED) == 0);
  stays_zero(0, kHalf);
  CHECK(is_whole(kHalf, kSize));
}

static void look(void) {
  drop();
  is_anonymous(memory, memory + kSize);
}

static void free_lazily(void) {
  byte before[kHalf / kPage];
  for (int i = 0; i < kHalf; i += kPage) before[i / kPage] = memory[i];
  CHECK(madvise((void*)memory, kHalf, MADV_FREE) == 0);
  CHECK(madvise((void*)memory, kHalf, MADV_REMOVE) == -1 && errno == EINVAL);
  sleep_ms(10);
  for (int i = 0; i < kHalf; i += kPage) CHECK(memory[i] == before[i / kPage] || memory[i] == 0);
}

static void trim(void) {
  for (int i = 0; i < kBlocks; i += 2) free(block[i]), free(thread_block[i]);
  malloc_trim(0);
  for (int i = 1; i < kBlocks; i += 2) free(block[i]), free(thread_block[i]);
  malloc_trim(0);
  char* fresh[2 * kBlocks];
  for (int i = 0; i < 2 * kBlocks; i++) {
    CHECK((fresh[i] = calloc(1, kBlockSize)) != NULL);
    for (int at = 0; at < kBlockSize; at++) CHECK(fresh[i][at] == 0);
    sleep_ms(1);
  }
  for (int i = 0; i < 2 * kBlocks; i++)
    for (int at = 0; at < kBlockSize; at++) CHECK(fresh[i][at] == 0);
}

static void shrink_heap(void) {
  CHECK(sbrk(0) == heap_end && sbrk(-kHeap) == heap_end && sbrk(kHeap) == heap_end - kHeap);
  for (int i = 1; i < kHeap; i++) CHECK(heap_end[-i] == 0);
}

static void move(void) {
  byte* room = mmap(NULL, 2 * kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mremap((void*)(memory + kHalf), kHalf, kSize, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
  CHECK(munmap((void*)memory, kHalf) == 0);
  memory = room;
  CHECK(is_whole(0, kHalf));
  stays_zero(kHalf, kSize);
}

static void map_over(void) {
  void* low = (void*)memory;
  CHECK(munmap(low, kHalf) == 0);
  CHECK(mmap(low, kHalf, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == low);
  stays_zero(0, kHalf);
  CHECK(is_whole(kHalf, kSize));
}

static void lock_and_protect(void) {
  CHECK(mlock((void*)memory, 4 * kPage) == 0);
  CHECK(madvise((void*)memory, kPage, MADV_DONTNEED) == -1 && errno == EINVAL);
  CHECK(munlock((void*)memory, 4 * kPage) == 0);
  CHECK(mprotect((void*)memory, kHalf, PROT_READ) == 0 && mprotect((void*)(memory + kHalf), kHalf, PROT_NONE) == 0);
  sleep_ms(10);
  const byte was = memory[0];
  CHECK(was != 0 && mprotect((void*)memory, kSize, PROT_READ | PROT_WRITE) == 0);
  CHECK(is_whole(0, kSize));
  drop();
}

static void limit(void) {
  const struct rlimit small = {kSize, kSize};
  CHECK(setrlimit(RLIMIT_AS, &small) == 0);
  sleep_ms(10);
  memory[0] = 9;
  CHECK(is_whole(0, kSize));
}

static void* drop_here(void* argument) {
  drop();
  memset((void*)memory, 1, kSize);
  return argument;
}
static void use_threads(void) {
  const pid_t child = fork();
  if (child == 0) {
    drop();
    _exit(0);
  }
  run_on_each(drop_here, NULL);
  CHECK_EXITED(child, 0);
}

static void in_child(void (*deed)(void), int wait_ms) {
  const pid_t child = fork();
  if (child == 0) {
    sleep_ms(wait_ms);
    deed();
    _exit(0);
  }
  CHECK_EXITED(child, 0);
}

static void* fork_them(void* argument) {
  static void (*const deeds[])(void) = {look,     free_lazily,      trim,  shrink_heap, move,
                                        map_over, lock_and_protect, limit, use_threads};
  for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) in_child(deeds[i], 0), in_child(deeds[i], 20);
  return argument;
}

int main(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 16 << 20) && mallopt(M_ARENA_TEST, 4));
  memory = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset((void*)memory, 1, kSize);
  allocate(block);
  join(start(allocate, thread_block));
  CHECK(sbrk(kHeap) != (void*)-1);
  heap_end = sbrk(0);
  pthread_t writer = start(write_all, NULL);
  fork_them(NULL);
  join(start(fork_them, NULL)), join(start(fork_them, NULL));
  atomic_store(&over, 1);
  join(writer);
  ok();
}
