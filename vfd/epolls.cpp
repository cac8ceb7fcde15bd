// SPDX-License-Identifier: Apache-2.0
#include "vfd/epolls.hpp"

#include <fcntl.h>

#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {
// By the epoll's number: the twin's, 0: none (a twin is made after its epoll, so it is never descriptor 0).
constinit std::atomic<uint16_t> twins[wire::kVfdCountMax] = {};
} // namespace

long twin_of(uint64_t epoll) {
  if (epoll >= wire::kVfdCountMax) return -1;
  const long twin = twins[epoll].load(std::memory_order_relaxed);
  return twin ? twin : -1;
}

long make_twin(uint64_t epoll) {
  if (const long twin = twin_of(epoll); twin >= 0) return twin;
  if (epoll >= wire::kVfdCountMax) return -EMFILE;
  const long place = new_place(sys::call(SYS_fcntl, epoll, F_GETFD) & FD_CLOEXEC);
  if (sys::failed(place)) return place;
  const long made = shadow_call_at(place, SYS_epoll_create1, O_CLOEXEC, 0, 0, 0, 0, 0);
  if (sys::failed(made)) return sys::call(SYS_close, place), made;
  twins[epoll].store(static_cast<uint16_t>(place));
  return place;
}

void forget_twin(uint64_t epoll) {
  if (const long twin = twin_of(epoll); twin >= 0) {
    twins[epoll].store(0);
    close_remote(static_cast<uint64_t>(twin));
  }
}

} // namespace sp::vfd
