/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which page of the memory is a page of a file: what page_tree.c keeps, and files.c asks.
 *
 * A pool is a sparse file of 1024 spaces of 2^48 bytes (libsuperproc/wire/pool.hpp). Which page of the memory a page of such
 * a file is, a tree in the memory itself says, so all kernels find the same one:
 *
 *   roots, one for each space | a bit for each page: taken | pages: trees' (512 entries, as page tables have) and files'
 *
 * An entry is the number of a page of this pool, or 0. Memory of zeros is an empty pool. Who may write what: any kernel puts
 * a page that it has taken and zeroed where there was 0, by compare-and-swap, and nobody changes it after that, until a space
 * is given back as a whole, by the last who had it: so nobody needs a lock, and who is gone has left nothing but a page that
 * is taken and in no tree. A part of a space that is given back is zeroed and stays.
 *
 * What other kernels have written is input: a number that is none of the pool's pages is an error, never an address.
 */
#ifndef SUPERPROC_PAGE_TREE_H
#define SUPERPROC_PAGE_TREE_H
#include <linux/mm.h>

#define SPACES 1024
#define SPACE_SHIFT 36 /* pages of a space */

struct memory_file {
  void* start;
  phys_addr_t physical;
  unsigned long pages;
  unsigned long first; /* of a pool: behind the roots and bits; 0: the segment, which has no tree */
  unsigned long hint;  /* where there may be a free page */
};

static inline void* page_of(const struct memory_file* file, unsigned long page) {
  return file->start + (page << PAGE_SHIFT);
}

/* The first page of a pool of so many that holds neither roots nor bits. */
unsigned long first_page(unsigned long pages);
unsigned long free_pages_of(const struct memory_file* pool);
/* The page of the memory that is the file's page `at`. 0: there is none yet; or -errno. */
long find_page(struct memory_file* file, pgoff_t at, bool make);
/* The first page of a pool that is there, at or behind *at and before `end`; *at says where. 0: there is none. */
unsigned long next_page(const struct memory_file* pool, pgoff_t* at, pgoff_t end);
/* Nobody uses the space any more. */
void free_space(struct memory_file* pool, unsigned long space);

#endif
