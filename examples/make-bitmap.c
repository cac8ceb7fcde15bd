// SPDX-License-Identifier: Apache-2.0
// make-bitmap FILE BYTES: writes a valid 24-bit BMP of exactly that many bytes, with pixels from a fixed pseudo-random
// sequence: the same size always gives the same file, so a histogram of it can be compared between machines.
//
// A picture's rows are a power of two of pixels wide and so need no padding; what is left over when the wanted size
// is no whole number of rows goes between the headers and the pixels, where the format allows a gap (bfOffBits points
// past it).
#define _GNU_SOURCE
#include "clock.h"
#include "size.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { kHeaderBytes = 54, kPixelBytes = 3, kBlockBytes = 3 << 19 };

static void put_u16(unsigned char* at, uint32_t value) {
  at[0] = (unsigned char)value;
  at[1] = (unsigned char)(value >> 8);
}

static void put_u32(unsigned char* at, uint32_t value) {
  put_u16(at, value);
  put_u16(at + 2, value >> 16);
}

// Fills 8 bytes at a time: four independent xorshift generators keep the processor's units busy.
static void fill(uint64_t* words, size_t word_count, uint64_t state[4]) {
  for (size_t i = 0; i + 4 <= word_count; i += 4)
    for (int lane = 0; lane < 4; lane++) {
      uint64_t x = state[lane];
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      state[lane] = x;
      words[i + (size_t)lane] = x * 0x2545f4914f6cdd1dULL;
    }
}

static int write_all(int fd, const void* bytes, size_t byte_count) {
  const char* at = bytes;
  while (byte_count > 0) {
    ssize_t n = write(fd, at, byte_count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    at += n;
    byte_count -= (size_t)n;
  }
  return 0;
}

static int complain(const char* file, const char* what) {
  fprintf(stderr, "make-bitmap: %s: %s\n", file, what);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: make-bitmap FILE BYTES    (BYTES may end in K, M or G)\n");
    return 2;
  }
  const char* file = argv[1];
  uint64_t file_bytes = parse_size(argv[2]);
  if (file_bytes < 1024) return complain(argv[2], "not a size of at least 1024 bytes");
  if (file_bytes > UINT32_MAX) return complain(argv[2], "a BMP file is smaller than 4 GiB");

  uint32_t width = file_bytes < (1 << 20) ? 64 : 4096;
  uint64_t row_bytes = (uint64_t)width * kPixelBytes;
  uint64_t height = (file_bytes - kHeaderBytes) / row_bytes;
  uint64_t image_bytes = height * row_bytes;
  uint64_t offset = file_bytes - image_bytes;

  int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return complain(file, strerror(errno));

  static unsigned char front[kHeaderBytes + 4096 * kPixelBytes]; // headers and the gap: less than a row
  front[0] = 'B';
  front[1] = 'M';
  put_u32(front + 2, (uint32_t)file_bytes);
  put_u32(front + 10, (uint32_t)offset);
  put_u32(front + 14, 40); // BITMAPINFOHEADER
  put_u32(front + 18, width);
  put_u32(front + 22, (uint32_t)height);
  put_u16(front + 26, 1);  // planes
  put_u16(front + 28, 24); // bits a pixel
  put_u32(front + 34, (uint32_t)image_bytes);
  put_u32(front + 38, 2835); // 72 dots an inch
  put_u32(front + 42, 2835);
  if (write_all(fd, front, (size_t)offset) != 0) return complain(file, strerror(errno));

  static uint64_t block[kBlockBytes / 8];
  uint64_t state[4] = {0x9e3779b97f4a7c15ULL, 0xbf58476d1ce4e5b9ULL, 0x94d049bb133111ebULL, 0xd6e8feb86659fd93ULL};
  int on_terminal = isatty(STDERR_FILENO);
  int64_t shown_ns = 0;
  for (uint64_t done = 0; done < image_bytes;) {
    uint64_t part = image_bytes - done < kBlockBytes ? image_bytes - done : kBlockBytes;
    fill(block, kBlockBytes / 8, state);
    if (write_all(fd, block, (size_t)part) != 0) return complain(file, strerror(errno));
    done += part;
    if (on_terminal && (done == image_bytes || now_ns() - shown_ns > 100000000)) {
      shown_ns = now_ns();
      fprintf(stderr, "\r%s: %3d %%%s", file, (int)(done * 100 / image_bytes), done == image_bytes ? "\n" : "");
    }
  }
  if (close(fd) != 0) return complain(file, strerror(errno));
  return 0;
}
