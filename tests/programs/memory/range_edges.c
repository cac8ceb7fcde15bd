// SPDX-License-Identifier: Apache-2.0
// Calls whose range begins, ends or has a hole where others would not expect it: over several mappings of different kinds,
// over the edge of what is mapped, at hints that are free or taken. Breaks when a range is taken for one mapping, when what a
// call leaves beside its range changes, or when freed memory can still be read.
// calls: mmap munmap mprotect mremap madvise
// threads: 34
#include "../check.h"

enum { kPage = 4096 };

static int can_be_read(const void* address) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  long written = write(ends[1], address, 1);
  CHECK(written == 1 || (written == -1 && errno == EFAULT));
  close(ends[0]), close(ends[1]);
  return written == 1;
}
static char* map(void* at, int pages, int prot, int flags, int fd) {
  return mmap(at, pages * kPage, prot, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0) | flags, fd, 0);
}

struct Layout {
  char* memory; // rw, file, none, rw, hole, rw: two pages each
};
static void* checks_layout(void* argument) {
  char* memory = ((struct Layout*)argument)->memory;
  const int readable[12] = {1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1};
  for (int i = 0; i < 12; i++) CHECK(can_be_read(memory + i * kPage) == readable[i]);
  CHECK(memory[2 * kPage] == 'f' && memory[6 * kPage] == 'm');
  return NULL;
}
static void* checks_gone(void* argument) {
  char* memory = ((struct Layout*)argument)->memory;
  CHECK(can_be_read(memory) && can_be_read(memory + 11 * kPage) && memory[0] == 'm' && memory[11 * kPage] == 'm');
  for (int i = 1; i < 11; i++) CHECK(!can_be_read(memory + i * kPage));
  return NULL;
}
static void build(struct Layout* layout) {
  char* memory = layout->memory = map(NULL, 12, PROT_READ | PROT_WRITE, 0, -1);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < 12; i++) memory[i * kPage] = 'm';
  int fd = memfd_create("edges", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, 2 * kPage) == 0 && write(fd, "file", 4) == 4);
  CHECK(map(memory + 2 * kPage, 2, PROT_READ, MAP_FIXED, fd) == memory + 2 * kPage && close(fd) == 0);
  CHECK(map(memory + 4 * kPage, 2, PROT_NONE, MAP_FIXED, -1) == memory + 4 * kPage);
  CHECK(munmap(memory + 8 * kPage, 2 * kPage) == 0);
}
static void use_edges(char* memory) {
  // Up to a hole the protection is changed, behind it not.
  CHECK(mprotect(memory + 6 * kPage, 6 * kPage, PROT_READ) == -1 && errno == ENOMEM);
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
  CHECK(read(ends[0], memory + 6 * kPage, 1) == -1 && errno == EFAULT);
  CHECK(read(ends[0], memory + 10 * kPage + 1, 1) == 1);
  close(ends[0]), close(ends[1]);
  CHECK(mprotect(memory + 6 * kPage, 2 * kPage, PROT_READ | PROT_WRITE) == 0);
  CHECK(madvise(memory + 10 * kPage, kPage, MADV_DONTNEED) == 0 && memory[10 * kPage] == 0);
  CHECK(madvise(memory + 6 * kPage, 6 * kPage, MADV_WILLNEED) == -1 && errno == ENOMEM);
  CHECK(mremap(memory + 6 * kPage, 4 * kPage, 8 * kPage, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
  CHECK(munmap(memory + 8 * kPage, 2 * kPage) == 0); // nothing there, and no error
  CHECK(munmap(memory + 1, kPage) == -1 && errno == EINVAL && munmap(memory, 0) == -1 && errno == EINVAL);
  CHECK(mprotect(memory + 1, kPage, PROT_READ) == -1 && errno == EINVAL);
}
static void use_hints(char* memory) {
  char* taken = map(memory, 1, PROT_READ | PROT_WRITE, 0, -1);
  CHECK(taken != MAP_FAILED && taken != memory && memory[0] == 'm' && munmap(taken, kPage) == 0);
  char* hole = map(memory + 8 * kPage, 2, PROT_READ, 0, -1);
  CHECK(hole == memory + 8 * kPage && hole[0] == 0 && !(hole[kPage] & 1) && munmap(hole, 2 * kPage) == 0);
  char* far = map((void*)0x123450000000, 2, PROT_READ | PROT_WRITE, 0, -1);
  CHECK(far == (void*)0x123450000000 && (far[1] = 1) == 1);
  CHECK(map(far, 1, PROT_READ, MAP_FIXED_NOREPLACE, -1) == MAP_FAILED && errno == EEXIST && far[1] == 1);
  CHECK(munmap(far, 2 * kPage) == 0 && !can_be_read(far));
}
static void* body(void* argument) {
  struct Layout layout;
  build(&layout);
  checks_layout(&layout);
  run_on_each(checks_layout, &layout);
  use_edges(layout.memory);
  use_hints(layout.memory);
  CHECK(munmap(layout.memory + kPage, 10 * kPage) == 0);
  checks_gone(&layout);
  run_on_each(checks_gone, &layout);
  CHECK(munmap(layout.memory, kPage) == 0 && munmap(layout.memory + 11 * kPage, kPage) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  join(start(body, NULL)), join(start(body, NULL));
  body(NULL);
  ok();
}
