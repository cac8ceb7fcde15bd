// SPDX-License-Identifier: Apache-2.0
// What a compiler takes for granted: the memory functions that it emits calls to. Hidden, so that the program keeps its own.
#include <cstddef>
#include <cstdint>

extern "C" {

[[gnu::visibility("hidden")]] void* memcpy(void* to, const void* from, size_t bytes) {
  void* result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return result;
}

[[gnu::visibility("hidden")]] void* memmove(void* to, const void* from, size_t bytes) {
  auto* t = static_cast<uint8_t*>(to);
  const auto* f = static_cast<const uint8_t*>(from);
  if (t <= f || t >= f + bytes) return memcpy(to, from, bytes);
  while (bytes--) t[bytes] = f[bytes];
  return to;
}

[[gnu::visibility("hidden")]] void* memset(void* to, int value, size_t bytes) {
  void* result = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return result;
}

[[gnu::visibility("hidden")]] int memcmp(const void* a, const void* b, size_t bytes) {
  const auto* x = static_cast<const uint8_t*>(a);
  const auto* y = static_cast<const uint8_t*>(b);
  for (; bytes; --bytes, ++x, ++y)
    if (*x != *y) return *x - *y;
  return 0;
}

} // extern "C"
