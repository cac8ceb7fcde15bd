// SPDX-License-Identifier: GPL-2.0-only
/* See page_tree.h. */
#include "page_tree.h"

#include <linux/sched/signal.h>

#define LEVELS 4
#define LEVEL_SHIFT 9
#define ENTRIES (1 << LEVEL_SHIFT)

static u64* roots_of(const struct memory_file* pool) { return pool->start; }
static unsigned long* bits_of(const struct memory_file* pool) { return pool->start + SPACES * sizeof(u64); }

static bool is_page_of(const struct memory_file* pool, u64 page) { return page >= pool->first && page < pool->pages; }

static u64* entry_of(const struct memory_file* pool, unsigned long table, pgoff_t at, int level) {
  return (u64*)page_of(pool, table) + (at >> (level * LEVEL_SHIFT) & (ENTRIES - 1));
}

/* 0: there is none. */
static unsigned long take_page(struct memory_file* pool) {
  unsigned long from = max(READ_ONCE(pool->hint), pool->first), end = pool->pages;
  bool again = from > pool->first;

  for (;;) {
    unsigned long page = find_next_zero_bit(bits_of(pool), end, from);

    if (page < end && page >= from) {
      from = page + 1;
      if (test_and_set_bit(page, bits_of(pool))) continue;
      WRITE_ONCE(pool->hint, from);
      return page;
    }
    if (!again) return 0;
    again = false;
    from = pool->first;
  }
}

static void give_page(struct memory_file* pool, unsigned long page) {
  clear_bit(page, bits_of(pool));
  if (page < READ_ONCE(pool->hint)) WRITE_ONCE(pool->hint, page);
}

/* What is in the entry then; 0: there is no memory. */
static u64 fill(struct memory_file* pool, u64* entry) {
  unsigned long page = take_page(pool);
  u64 before;

  if (!page) return 0;
  clear_page(page_of(pool, page));
  before = cmpxchg64(entry, 0, page);
  if (before) give_page(pool, page);
  return before ? before : page;
}

long find_page(struct memory_file* file, pgoff_t at, bool make) {
  u64* entry;
  int level;

  if (!file->first) return at < file->pages ? (long)at : -EFAULT;
  if (at >> SPACE_SHIFT >= SPACES) return -EFAULT;
  entry = roots_of(file) + (at >> SPACE_SHIFT);
  for (level = LEVELS;;) {
    u64 page = READ_ONCE(*entry);

    if (!page && make) page = fill(file, entry);
    if (!page) return make ? -ENOSPC : 0;
    if (!is_page_of(file, page)) return -EIO;
    if (level-- == 0) return page;
    entry = entry_of(file, page, at, level);
  }
}

unsigned long next_page(const struct memory_file* pool, pgoff_t* at, pgoff_t end) {
  while (*at < end && !fatal_signal_pending(current)) {
    const u64* entry = roots_of(pool) + (*at >> SPACE_SHIFT);
    int level = LEVELS;

    for (;;) {
      u64 page = READ_ONCE(*entry);

      if (!is_page_of(pool, page)) break;
      if (level-- == 0) return page;
      entry = entry_of(pool, page, *at, level);
    }
    *at = (*at | ((1UL << (level * LEVEL_SHIFT)) - 1)) + 1;
    cond_resched();
  }
  return 0;
}

/* A tree that somebody has made a knot of is visited once, page by page. */
static void free_tree(struct memory_file* pool, u64 page, int level) {
  int i;

  if (!is_page_of(pool, page) || !test_and_clear_bit(page, bits_of(pool))) return;
  for (i = 0; level > 0 && i < ENTRIES; ++i) free_tree(pool, READ_ONCE(((u64*)page_of(pool, page))[i]), level - 1);
  if (page < READ_ONCE(pool->hint)) WRITE_ONCE(pool->hint, page);
  cond_resched();
}

void free_space(struct memory_file* pool, unsigned long space) {
  free_tree(pool, xchg(roots_of(pool) + space, 0), LEVELS);
}

unsigned long first_page(unsigned long pages) {
  return DIV_ROUND_UP(SPACES * sizeof(u64) + BITS_TO_LONGS(pages) * sizeof(long), PAGE_SIZE);
}

unsigned long free_pages_of(const struct memory_file* pool) {
  unsigned long page, count = 0;

  for (page = pool->first; page < pool->pages; ++page) count += !test_bit(page, bits_of(pool));
  return count;
}
