// SPDX-License-Identifier: Apache-2.0
// A process with 96 MiB of touched memory, mapped and in the heap, forks again and again; each child finds what its parent
// had at that moment, and writes; the parent writes, drops, moves, grows and unmaps parts in between, and makes a thread in
// the end. Breaks when memory that is kept for children is changed by one of them, or is not what it was for the parent.
// calls: fork mmap madvise mremap munmap mprotect brk
#include "../check.h"

enum { kPage = 4096, kPages = 16384, kHeapPages = 8192, kRounds = 12 };
static unsigned char* mapped;
static unsigned char* heap;
static size_t mapped_pages = kPages;
static unsigned char values[kPages];

// The first and the last byte of a page.
static void write_page(size_t page, unsigned char value) {
  mapped[page * kPage] = mapped[page * kPage + kPage - 1] = values[page] = value;
}

static void check_all(void) {
  for (size_t i = 0; i < mapped_pages; i++)
    CHECK(mapped[i * kPage] == values[i] && mapped[i * kPage + kPage - 1] == values[i]);
  for (size_t i = 0; i < kHeapPages; i++) CHECK(heap[i * kPage] == (unsigned char)(i + 7) && heap[i * kPage + 1] == 0);
}

static void live_as_child(int round) {
  for (size_t i = 0; i < mapped_pages; i += 3) write_page(i, (unsigned char)(round + 100));
  for (size_t i = 0; i < kHeapPages; i++) heap[i * kPage]++, heap[i * kPage]--;
  check_all();
  CHECK(madvise(mapped, 64 * kPage, MADV_DONTNEED) == 0);
  for (size_t i = 0; i < 64; i++) CHECK(mapped[i * kPage] == 0);
  pid_t grandchild = fork();
  if (grandchild == 0) {
    for (size_t i = 0; i < 64; i++) CHECK(mapped[i * kPage] == 0), write_page(i, 9);
    check_all();
    _exit(0);
  }
  CHECK_EXITED(grandchild, 0);
  for (size_t i = 0; i < 64; i++) CHECK(mapped[i * kPage] == 0);
  _exit(0);
}

static void change(int round) {
  if (round == 10) CHECK(mprotect(mapped, mapped_pages * kPage, PROT_READ | PROT_WRITE) == 0);
  for (size_t i = (size_t)round; i < mapped_pages; i += 50) write_page(i, (unsigned char)(round * 3));
  if (round == 4) {
    CHECK(madvise(mapped + 1000 * kPage, 1000 * kPage, MADV_DONTNEED) == 0);
    for (size_t i = 1000; i < 2000; i++) values[i] = 0;
  }
  if (round == 6) {
    mapped = mremap(mapped, mapped_pages * kPage, (mapped_pages - 2000) * kPage, MREMAP_MAYMOVE);
    CHECK(mapped != MAP_FAILED);
    mapped_pages -= 2000;
  }
  if (round == 7) {
    void* place = mmap(NULL, kPages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(mremap(mapped, mapped_pages * kPage, mapped_pages * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    mapped = place;
  }
  if (round == 8) {
    CHECK(munmap(mapped + (mapped_pages - 500) * kPage, 500 * kPage) == 0);
    mapped_pages -= 500;
  }
  if (round == 9) CHECK(mprotect(mapped, mapped_pages * kPage, PROT_READ) == 0);
}

static void* look_around(void* argument) {
  check_all();
  write_page(5, 55);
  return argument;
}

int main(void) {
  mapped = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  heap = sbrk(kHeapPages * kPage);
  CHECK(mapped != MAP_FAILED && heap != (void*)-1);
  for (size_t i = 0; i < kPages; i++) write_page(i, (unsigned char)i);
  for (size_t i = 0; i < kHeapPages; i++) heap[i * kPage] = (unsigned char)(i + 7);
  for (int round = 0; round < kRounds; round++) {
    pid_t child = fork();
    if (child == 0) {
      check_all();
      if (round != 10) live_as_child(round); // it is read-only then
      _exit(0);
    }
    if (round != 10) write_page(17, (unsigned char)(round + 1));
    CHECK_EXITED(child, 0);
    check_all();
    change(round);
  }
  join(start(look_around, NULL));
  CHECK(mapped[5 * kPage] == 55);
  check_all();
  ok();
}
