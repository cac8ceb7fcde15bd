// SPDX-License-Identifier: Apache-2.0
// Parallel loops, reductions, sections, tasks and locks of OpenMP. It prints only what does not depend on timing.
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { kCount = 1 << 20 };

static uint64_t fibonacci(int n) {
  if (n < 2) return (uint64_t)n;
  uint64_t a, b;
#pragma omp task shared(a) if (n > 12)
  a = fibonacci(n - 1);
#pragma omp task shared(b) if (n > 12)
  b = fibonacci(n - 2);
#pragma omp taskwait
  return a + b;
}

int main(void) {
  uint32_t* numbers = malloc(kCount * sizeof *numbers);
  uint64_t sum = 0;
  uint32_t biggest = 0;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < kCount; ++i) numbers[i] = (uint32_t)i * 2654435761u;
#pragma omp parallel for schedule(dynamic, 1000) reduction(+ : sum) reduction(max : biggest)
  for (int i = 0; i < kCount; ++i) {
    sum += numbers[i];
    if (numbers[i] > biggest) biggest = numbers[i];
  }
  printf("sum %llu biggest %u\n", (unsigned long long)sum, biggest);

  long histogram[64] = {0};
#pragma omp parallel for schedule(guided)
  for (int i = 0; i < kCount; ++i) {
#pragma omp atomic
    ++histogram[numbers[i] >> 26];
  }
  for (int i = 0; i < 64; ++i) printf("%ld%c", histogram[i], i % 16 == 15 ? '\n' : ' ');

  uint64_t result = 0;
#pragma omp parallel
#pragma omp single
  result = fibonacci(24);
  printf("fibonacci %llu\n", (unsigned long long)result);

  long guarded = 0;
  omp_lock_t lock;
  omp_init_lock(&lock);
  for (int round = 0; round < 200; ++round) {
#pragma omp parallel num_threads(1 + round % 5)
    {
      omp_set_lock(&lock);
      guarded += 60 / omp_get_num_threads();
      omp_unset_lock(&lock);
#pragma omp barrier
    }
  }
  omp_destroy_lock(&lock);
  printf("guarded %ld threads %d\n", guarded, omp_get_max_threads());
  free(numbers);
  return 0;
}
