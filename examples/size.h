// SPDX-License-Identifier: Apache-2.0
// Sizes as people write them: a whole number of bytes, with K, M or G (binary) behind it if they like.
#ifndef SP_EXAMPLES_SIZE_H
#define SP_EXAMPLES_SIZE_H
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

// 0 when the text is no size, or too large for one.
static inline uint64_t parse_size(const char* text) {
  char* end;
  if (*text < '0' || *text > '9') return 0;
  errno = 0;
  uint64_t bytes = strtoull(text, &end, 10);
  int shift = 0;
  if (*end == 'K' || *end == 'k') shift = 10;
  if (*end == 'M' || *end == 'm') shift = 20;
  if (*end == 'G' || *end == 'g') shift = 30;
  if (shift != 0) end++;
  if (errno != 0 || *end != '\0' || bytes > (UINT64_MAX >> shift)) return 0;
  return bytes << shift;
}
#endif
