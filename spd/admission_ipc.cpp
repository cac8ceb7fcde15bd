// SPDX-License-Identifier: Apache-2.0
#include "spd/admission_ipc.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "spd/admission.hpp"

namespace sp::spd {

namespace {

constexpr uint64_t kOperationsMax = (64 << 10) / sizeof(sembuf);
constexpr uint64_t kValuesBytes = 64 << 10; // of all semaphores of a set

bool takes_number(uint64_t command) {
  constexpr uint64_t kNumbers[] = {IPC_RMID, GETPID, GETVAL, GETNCNT, GETZCNT, SETVAL};
  return std::find(std::begin(kNumbers), std::end(kNumbers), command) != std::end(kNumbers);
}

// It may change while it is looked at: then it is its own SubProcess that waits.
bool may_wait(const sembuf* operations, uint64_t count) {
  return std::any_of(operations, operations + count,
                     [](const sembuf& o) { return o.sem_op <= 0 && !(o.sem_flg & IPC_NOWAIT); });
}

} // namespace

long admit_object_call(const CallWords& call) {
  switch (call[0]) {
    case SYS_semop:
    case SYS_semtimedop:
      if (call[3] > kOperationsMax) return -E2BIG;
      return in_segment(call[2], call[3] * sizeof(sembuf)) ? 0 : -EFAULT;
    case SYS_semctl: return takes_number(static_cast<uint32_t>(call[3])) || in_segment(call[4], kValuesBytes) ? 0 : -EFAULT;
    case SYS_msgsnd:
    case SYS_msgrcv:
      if (call[3] > wire::kTransferBytes) return -EINVAL;
      return in_segment(call[2], sizeof(long) + call[3]) ? 0 : -EFAULT;
    case SYS_shmat: // where the kernel wants it, not over what is there
      return call[2] == 0 && !(call[3] & ~uint64_t{SHM_RDONLY | SHM_EXEC}) ? 0 : -EINVAL;
    default: return 0;
  }
}

bool object_call_may_wait(const CallWords& call) {
  switch (call[0]) {
    case SYS_semop:
    case SYS_semtimedop: return may_wait(reinterpret_cast<const sembuf*>(call[2]), call[3]);
    case SYS_msgsnd: return !(call[4] & IPC_NOWAIT);
    case SYS_msgrcv: return !(call[5] & IPC_NOWAIT);
    default: return false;
  }
}

wire::Undoes undone_at_end(const CallWords& call) {
  if (call[0] == SYS_shmat) return wire::kUndoesAttachments;
  if (call[0] == SYS_fcntl && (call[2] == F_SETLK || call[2] == F_SETLKW)) return wire::kUndoesLocks;
  if (call[0] != SYS_semop && call[0] != SYS_semtimedop) return wire::kUndoesNothing;
  const auto* operations = reinterpret_cast<const sembuf*>(call[2]);
  const bool any = std::any_of(operations, operations + call[3], [](const sembuf& o) { return o.sem_flg & SEM_UNDO; });
  return any ? wire::kUndoesSemaphores : wire::kUndoesNothing;
}

long perform_notify(const CallWords& call) {
  sigevent event{};
  if (call[2] == 0) return sys::call(SYS_mq_notify, call[1], nullptr);
  if (!in_segment(call[2], sizeof event)) return -EFAULT;
  __builtin_memcpy(&event, reinterpret_cast<const void*>(call[2]), sizeof event);
  if (event.sigev_notify != SIGEV_SIGNAL && event.sigev_notify != SIGEV_NONE) return -ENOSYS;
  return sys::call(SYS_mq_notify, call[1], &event);
}

} // namespace sp::spd
