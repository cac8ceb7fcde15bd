// SPDX-License-Identifier: Apache-2.0
// The library that dlopen_call_dlclose loads: data, TLS, a constructor, and relocated read-only data.
int counter = 77, constructed;
static __thread int own = 700;
static int* const pointers[] = {&counter, &constructed};

__attribute__((constructor)) static void construct(void) {
  counter = 100;
  ++*pointers[1];
}
int counter_next(void) { return ++*pointers[0]; }
int counter_own_next(void) { return ++own; }
