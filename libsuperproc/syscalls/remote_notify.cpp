// SPDX-License-Identifier: Apache-2.0
// mq_notify on a queue of the shadow's node. A signal reaches the shadow, which hands it on with what it says. A thread
// (SIGEV_THREAD) is made by a socket of libc's on this node: for it there is a *twin*, a queue of this node that has no
// name, with the program's own registration. The shadow is told by kTwinSignal, and has the spd of this node send
// the twin a message.
//
//   here: twin made -> shadow registered -> twin registered; told before that, the twin has the message already
// Whatever dies, its kernel takes back its registration; a twin is closed when its queue is registered again.
#include <cerrno>
#include <csignal>
#include <fcntl.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/remote_ipc.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

struct Twin {
  std::atomic<int32_t> queue; // + 1, 0: free
  int32_t number;
};
constexpr uint32_t kTwinsMax = 16;
constinit Twin twins[kTwinsMax] = {};

void forget_twin(int queue) {
  for (Twin& twin : twins) {
    if (twin.queue.load() != queue + 1) continue;
    sys::call(SYS_close, twin.number);
    twin.queue.store(0);
  }
}

long make_twin(int queue) {
  struct {
    long flags, most, bytes, count, reserved[4];
  } attributes{0, 1, 1, 0, {}};
  Path name;
  name << "superproc-twin-" << sys::call(SYS_gettid) << "-" << queue;
  const long number = sys::call(SYS_mq_open, name.text(), O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attributes);
  sys::call(SYS_mq_unlink, name.text());
  if (sys::failed(number)) return number;
  for (Twin& twin : twins) {
    int32_t free = 0;
    if (!twin.queue.compare_exchange_strong(free, queue + 1)) continue;
    return twin.number = static_cast<int32_t>(number);
  }
  return sys::call(SYS_close, number), -ENOMEM;
}

// A message that came before there was a registration is sent again.
long register_twin(long number, const sigevent& event) {
  char byte = 0;
  const timespec past{};
  if (const long failed = sys::call(SYS_mq_notify, number, &event)) return failed;
  if (!sys::failed(sys::call(SYS_mq_timedreceive, number, &byte, 1, nullptr, &past)))
    sys::call(SYS_mq_timedsend, number, &byte, 1, 0, &past);
  return 0;
}

long notify_thread(int queue, const sigevent& event) {
  vfd::Transfer transfer;
  const long number = make_twin(queue);
  if (sys::failed(number)) return number;
  sigevent told{};
  told.sigev_notify = SIGEV_SIGNAL;
  told.sigev_signo = wire::kTwinSignal;
  told.sigev_value.sival_int = static_cast<int>(number);
  long result = vfd::shadow_call(SYS_mq_notify, queue, transfer.put(&told, sizeof told));
  if (!result && sys::failed(result = register_twin(number, event))) vfd::shadow_call(SYS_mq_notify, queue, 0);
  if (result) forget_twin(queue);
  return result;
}

} // namespace

long notify_by_shadow(const Call& call) {
  const uint64_t a[6] = {call.arg(0), call.arg(1)};
  sigevent event{};
  if (a[1] && !vfd::read_program(&event, call.pointer<void>(1), sizeof event)) return -EFAULT;
  if (!a[1] || event.sigev_notify != SIGEV_THREAD) {
    const long result = call_by_shadow(SYS_mq_notify, a);
    if (!a[1]) forget_twin(call.number_arg(0));
    return result;
  }
  forget_twin(call.number_arg(0)); // told already: who is registered can only be registered once
  return notify_thread(call.number_arg(0), event);
}

} // namespace sp
