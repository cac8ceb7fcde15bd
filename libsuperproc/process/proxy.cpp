// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/proxy.hpp"

#include "libsuperproc/process/service_thread.hpp"

namespace sp {

namespace {

struct ProxiedCall {
  uint64_t number;
  uint64_t arguments[6];
};

// One proxy's place; the kernel clears `busy` when its thread has ended.
struct Proxy {
  volatile uint32_t busy;
  NodeId self;
  Received received;
};
constinit Proxy proxies[wire::kNodeProxyCount] = {};

void proxy_main(void* argument) {
  const Proxy& proxy = *static_cast<Proxy*>(argument);
  const ProxiedCall call = *pointer_to<const ProxiedCall>(proxy.received.taken.request.arguments[0]);
  const auto* a = call.arguments;
  const long result = sys::call(static_cast<long>(call.number), a[0], a[1], a[2], a[3], a[4], a[5]);
  answer(proxy.self, proxy.received, result);
  sp_exit_thread(0);
}

long ask_for(const ProxiedCall& call) {
  constexpr int64_t kRetryNs = 1'000'000;
  for (;;) {
    const long result =
        ask_node_and_wait(home_node(), {static_cast<uint32_t>(Operation::proxied_call), 0, 0, {address_of(&call)}});
    if (result != -EAGAIN) return result;
    timespec pause{0, kRetryNs};
    sys::call(SYS_nanosleep, &pause, nullptr);
  }
}

} // namespace

bool start_proxy(NodeId self, const Received& received) {
  for (uint32_t i = 0; i < wire::kNodeProxyCount; ++i) {
    Proxy& proxy = proxies[i];
    if (proxy.busy) continue;
    proxy.busy = 1;
    proxy.self = self;
    proxy.received = received;
    const uint64_t place = wire::kNodeProxies + i * wire::kNodeServiceBytes;
    if (start_service_thread(place, Descriptors::shared, proxy_main, &proxy, &proxy.busy)) return true;
    proxy.busy = 0;
    return false;
  }
  return false;
}

long call_at_home(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  return ask_for({static_cast<uint64_t>(number), {a, b, c, d, e, f}});
}

} // namespace sp
