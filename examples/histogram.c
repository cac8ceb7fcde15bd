// SPDX-License-Identifier: Apache-2.0
// histogram FILE: how often each intensity of blue, green and red occurs in a 24-bit BMP; a MapReduce over threads in
// the manner of Phoenix. Each thread maps a share of the rows into a table of its own, the main thread reduces the
// tables. A plain pthread program, which knows nothing of superproc.
//
// stdout holds only what follows from the file, so that two runs can be compared byte by byte; times, and which
// thread ran where, go to stderr (-v). --seconds prints nothing but the time that the whole took, for measurements.
#define _GNU_SOURCE
#include "clock.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kChannels = 3, kBuckets = 256, kThreadsMax = 256 };
static const char* const kChannelNames[kChannels] = {"blue", "green", "red"}; // the order of the bytes in a pixel

struct Image {
  const unsigned char* pixels;
  uint64_t width, height, row_bytes;
};

// A cache line apart from the next one: threads share nothing that they write.
struct Share {
  _Alignas(64) uint64_t counts[kChannels][kBuckets];
  const struct Image* image;
  uint64_t first_row, end_row;
  double seconds;
  long kernel_tid;
  int cpu;
  char kernel_name[64]; // the kernel's "PROCESS/task/THREAD"
};

static void fail(const char* subject, const char* why) {
  fprintf(stderr, "histogram: %s: %s\n", subject, why);
  exit(1);
}

static uint32_t u32_at(const unsigned char* at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void parse(const char* file, const unsigned char* bytes, uint64_t file_bytes, struct Image* image) {
  if (file_bytes < 54 || bytes[0] != 'B' || bytes[1] != 'M') fail(file, "not a BMP file");
  if ((bytes[28] | bytes[29] << 8) != 24 || u32_at(bytes + 30) != 0) fail(file, "not an uncompressed 24-bit BMP");
  int32_t width = (int32_t)u32_at(bytes + 18), height = (int32_t)u32_at(bytes + 22);
  uint64_t offset = u32_at(bytes + 10);
  if (width <= 0 || height == 0 || height == INT32_MIN) fail(file, "a picture without pixels");
  image->width = (uint64_t)width;
  image->height = height < 0 ? (uint64_t)-height : (uint64_t)height; // negative: stored from the top down
  image->row_bytes = (image->width * 3 + 3) / 4 * 4;
  if (offset > file_bytes || image->row_bytes * image->height > file_bytes - offset)
    fail(file, "the file is cut short");
  image->pixels = bytes + offset;
}

static void* map_rows(void* argument) {
  struct Share* share = argument;
  int64_t begin_ns = now_ns();
  for (uint64_t row = share->first_row; row < share->end_row; row++) {
    const unsigned char* at = share->image->pixels + row * share->image->row_bytes;
    const unsigned char* end = at + share->image->width * 3;
    for (; at < end; at += 3) {
      share->counts[0][at[0]]++;
      share->counts[1][at[1]]++;
      share->counts[2][at[2]]++;
    }
  }
  share->seconds = (double)(now_ns() - begin_ns) * 1e-9;
  share->kernel_tid = syscall(SYS_gettid);
  share->cpu = sched_getcpu();
  ssize_t n = readlink("/proc/thread-self", share->kernel_name, sizeof share->kernel_name - 1);
  share->kernel_name[n > 0 ? n : 0] = '\0';
  return NULL;
}

static void reduce(const struct Share* shares, int share_count, uint64_t totals[kChannels][kBuckets]) {
  memset(totals, 0, sizeof(uint64_t) * kChannels * kBuckets);
  for (int s = 0; s < share_count; s++)
    for (int c = 0; c < kChannels; c++)
      for (int b = 0; b < kBuckets; b++) totals[c][b] += shares[s].counts[c][b];
}

static void print_result(const struct Image* image, uint64_t totals[kChannels][kBuckets]) {
  printf("%llu x %llu pixels\n", (unsigned long long)image->width, (unsigned long long)image->height);
  for (int c = 0; c < kChannels; c++) {
    uint64_t checksum = 0xcbf29ce484222325ULL;
    int least = 0, most = 0;
    for (int b = 0; b < kBuckets; b++) {
      checksum = (checksum ^ totals[c][b]) * 0x100000001b3ULL;
      if (totals[c][b] < totals[c][least]) least = b;
      if (totals[c][b] > totals[c][most]) most = b;
    }
    printf("%-5s  checksum %016llx  least often %3d (%llu)  most often %3d (%llu)\n", kChannelNames[c],
           (unsigned long long)checksum, least, (unsigned long long)totals[c][least], most,
           (unsigned long long)totals[c][most]);
  }
}

static void usage(FILE* to) {
  fprintf(to, "usage: histogram [-t THREADS] [-v] [--seconds] FILE\n"
              "  -t, --threads N  threads that count (2)\n"
              "  -v, --verbose    times and places on stderr\n"
              "  -s, --seconds    print only how many seconds it took\n");
}

int main(int argc, char** argv) {
  static const struct option options[] = {{"threads", required_argument, NULL, 't'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"seconds", no_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int thread_count = 2, verbose = 0, only_seconds = 0, option;
  while ((option = getopt_long(argc, argv, "t:vsh", options, NULL)) != -1) {
    if (option == 'h') return usage(stdout), 0;
    if (option == 't')
      thread_count = atoi(optarg);
    else if (option == 'v')
      verbose = 1;
    else if (option == 's')
      only_seconds = 1;
    else
      return usage(stderr), 2;
  }
  if (optind + 1 != argc) return usage(stderr), 2;
  if (thread_count < 1 || thread_count > kThreadsMax) fail("-t", "the number of threads is 1 to 256");
  const char* file = argv[optind];

  int64_t begin_ns = now_ns();
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) fail(file, strerror(errno));
  if (status.st_size <= 0) fail(file, "the file is empty");
  size_t file_bytes = (size_t)status.st_size;
  unsigned char* bytes = mmap(NULL, file_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) fail(file, strerror(errno));
  close(fd);
  struct Image image;
  parse(file, bytes, file_bytes, &image);
  struct Share* shares = aligned_alloc(64, sizeof *shares * (size_t)thread_count);
  if (shares == NULL) fail("memory", strerror(ENOMEM));
  memset(shares, 0, sizeof *shares * (size_t)thread_count);

  int64_t map_ns = now_ns();
  pthread_t threads[kThreadsMax];
  for (int i = 0; i < thread_count; i++) {
    shares[i].image = &image;
    shares[i].first_row = image.height * (uint64_t)i / (uint64_t)thread_count;
    shares[i].end_row = image.height * (uint64_t)(i + 1) / (uint64_t)thread_count;
    int error = pthread_create(&threads[i], NULL, map_rows, &shares[i]);
    if (error != 0) fail("pthread_create", strerror(error));
  }
  for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);

  int64_t reduce_ns = now_ns();
  static uint64_t totals[kChannels][kBuckets];
  reduce(shares, thread_count, totals);
  munmap(bytes, file_bytes);
  int64_t end_ns = now_ns();

  if (only_seconds)
    printf("%.6f\n", (double)(end_ns - begin_ns) * 1e-9);
  else
    print_result(&image, totals);
  if (verbose) {
    for (int i = 0; i < thread_count; i++)
      fprintf(stderr, "thread %d: tid %ld, kernel task %s, CPU %d, %.3f s\n", i, shares[i].kernel_tid,
              shares[i].kernel_name, shares[i].cpu, shares[i].seconds);
    fprintf(stderr, "open %.3f s, map %.3f s, reduce %.3f s, all %.3f s\n", (double)(map_ns - begin_ns) * 1e-9,
            (double)(reduce_ns - map_ns) * 1e-9, (double)(end_ns - reduce_ns) * 1e-9,
            (double)(end_ns - begin_ns) * 1e-9);
  }
  free(shares);
  return 0;
}
