// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/proxy.hpp"

#include <asm/prctl.h>
#include <csignal>
#include <linux/sched.h>

#include "libsuperproc/process/service_thread.hpp"

namespace sp {

namespace {

enum class Form : uint64_t { call, clone, exec };

struct ProxiedCall {
  Form form;
  uint64_t number; // or clone's flags
  uint64_t arguments[6];
  uint64_t mask;
};

// One proxy's place; the kernel clears `busy` when its thread has ended.
struct Proxy {
  volatile uint32_t busy;
  NodeId self;
  Received received;
};
constinit Proxy proxies[wire::kNodeProxyCount] = {};

// Every signal is blocked here, so they stay pending.
void make_pending(uint64_t signals) {
  for (int signal = 1; signal <= 64; ++signal)
    if (signals >> (signal - 1) & 1) sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
}

long perform(const ProxiedCall& call) {
  const auto* a = call.arguments;
  if (call.form == Form::call) return sys::call(static_cast<long>(call.number), a[0], a[1], a[2], a[3], a[4], a[5]);
  if (call.form == Form::exec) make_pending(a[3]);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &call.mask, nullptr, sizeof call.mask);
  const long result = call.form == Form::clone ? sp_clone_call(call.number, a[0], a[1], a[2], a[3])
                                               : sys::call(SYS_execve, a[0], a[1], a[2]);
  const uint64_t all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  return result;
}

void proxy_main(void* argument) {
  const Proxy& proxy = *static_cast<Proxy*>(argument);
  const ProxiedCall call = *pointer_to<const ProxiedCall>(proxy.received.taken.request.arguments[0]);
  const long result = perform(call);
  answer(proxy.self, proxy.received, result);
  sp_exit_thread(0);
}

long ask_for(const ProxiedCall& call) {
  constexpr int64_t kRetryNs = 1'000'000;
  for (;;) {
    const long result = ask(home_node(), Operation::proxied_call, address_of(&call));
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
  return ask_for({Form::call, static_cast<uint64_t>(number), {a, b, c, d, e, f}, 0});
}

long exec_at_home(uint64_t path, uint64_t arguments, uint64_t environment, uint64_t mask, uint64_t pending) {
  return ask_for({Form::exec, 0, {path, arguments, environment, pending, 0, 0}, mask});
}

long clone_at_home(uint64_t flags, uint64_t frame, uint64_t parent_tid, uint64_t child_tid, uint64_t tls,
                   uint64_t mask) {
  if (!(flags & CLONE_SETTLS)) {
    flags |= CLONE_SETTLS;
    sys::call(SYS_arch_prctl, ARCH_GET_FS, &tls);
  }
  return ask_for({Form::clone, flags, {frame, parent_tid, child_tid, tls, 0, 0}, mask});
}

} // namespace sp
