// SPDX-License-Identifier: Apache-2.0
#include "vfd/descriptors.hpp"

#include <fcntl.h>

#include "vfd/shadow_call.hpp"

namespace sp::vfd {

long new_place(int close_on_exec) { return sys::call(SYS_eventfd2, 0, close_on_exec ? O_CLOEXEC : 0); }

long open_there(long number, const uint64_t (&a)[6], int close_on_exec) {
  const long place = new_place(close_on_exec);
  if (sys::failed(place)) return place;
  const long result = shadow_call_at(place, number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (sys::failed(result)) sys::call(SYS_close, place);
  return result;
}

void take_places() {
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n) {
    if (!is_remote(n)) continue;
    const int closes = kind_of(n) & wire::kVfdClosesAtExec ? O_CLOEXEC : 0;
    const long place = new_place(closes != 0);
    if (place == static_cast<long>(n) || sys::failed(place)) continue;
    sys::call(SYS_dup3, place, n, closes);
    sys::call(SYS_close, place);
  }
}

long place(long descriptor, long number, bool close_on_exec) {
  const long at = new_place(close_on_exec);
  if (sys::failed(at)) return at;
  if (number >= 0) sys::call(SYS_dup3, at, number, close_on_exec ? O_CLOEXEC : 0), sys::call(SYS_close, at);
  const long wanted = number >= 0 ? number : at;
  const long placed = shadow_call(SYS_dup3, descriptor, wanted, close_on_exec ? O_CLOEXEC : 0);
  shadow_call(SYS_close, descriptor);
  if (sys::failed(placed)) sys::call(SYS_close, wanted);
  return sys::failed(placed) ? placed : wanted;
}

long place_pair(int (&pair)[2], bool close_on_exec) {
  const long one = place(pair[0], -1, close_on_exec);
  const long other = sys::failed(one) ? one : place(pair[1], -1, close_on_exec);
  if (sys::failed(one)) shadow_call(SYS_close, pair[0]), shadow_call(SYS_close, pair[1]);
  if (sys::failed(other) && !sys::failed(one))
    close_remote(static_cast<uint64_t>(one)), shadow_call(SYS_close, pair[1]);
  pair[0] = static_cast<int>(one), pair[1] = static_cast<int>(other);
  return sys::failed(other) ? other : 0;
}

long close_remote(uint64_t descriptor) {
  const long result = shadow_call(SYS_close, descriptor);
  sys::call(SYS_close, descriptor);
  return result;
}

long duplicate(uint64_t descriptor, long at_least, int close_on_exec) {
  const long number = sys::call(SYS_fcntl, descriptor, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, at_least);
  if (sys::failed(number)) return number;
  const long done = shadow_call(SYS_dup3, descriptor, number, close_on_exec ? O_CLOEXEC : 0);
  if (!sys::failed(done)) return number;
  sys::call(SYS_close, number);
  return done;
}

long duplicate_to(uint64_t descriptor, uint64_t to, int flags) {
  if (descriptor == to) return flags == 0 ? static_cast<long>(to) : -EINVAL; // dup2 does nothing, dup3 refuses
  const long placed = sys::call(SYS_dup3, descriptor, to, flags);
  if (sys::failed(placed)) return placed;
  if (!is_remote(descriptor)) return shadow_call(SYS_close, to), placed;
  const long done = shadow_call(SYS_dup3, descriptor, to, flags);
  return sys::failed(done) ? done : placed;
}

} // namespace sp::vfd
