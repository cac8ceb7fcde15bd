// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/remote_ipc.hpp"

#include <cerrno>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "libsuperproc/syscalls/marshal.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using vfd::shadow_call;

// ---- what the last argument of a control call leads to ----

enum class Moves { nothing, there, back };
struct Structure {
  Moves moves = Moves::nothing;
  uint64_t bytes = 0;
};

constexpr int kStatAny = 2; // behind the object's own IPC_STAT and IPC_INFO by index

Structure structure_of(int command, int first_by_index, uint64_t object_bytes, uint64_t info_bytes) {
  switch (command) {
    case IPC_SET: return {Moves::there, object_bytes};
    case IPC_STAT: return {Moves::back, object_bytes};
    case IPC_INFO: return {Moves::back, info_bytes};
    default: break;
  }
  if (command == first_by_index || command == first_by_index + kStatAny) return {Moves::back, object_bytes};
  return command == first_by_index + 1 ? Structure{Moves::back, info_bytes} : Structure{};
}

// Its arguments before the last are numbers. A structure that the kernel writes is all written.
long control_object(const Call& call, int last, Structure structure) {
  const uint64_t given = call.arg(last);
  vfd::Transfer transfer;
  void* at = pointer_to<void>(given);
  if (structure.moves == Moves::there) at = transfer.put(at, structure.bytes);
  if (structure.moves == Moves::back) at = transfer.take(structure.bytes);
  if (structure.moves != Moves::nothing && !at) return -EFAULT;
  const long result = last == 3 ? shadow_call(call.number(), call.arg(0), call.arg(1), call.arg(2), at)
                                : shadow_call(call.number(), call.arg(0), call.arg(1), at);
  if (sys::failed(result) || structure.moves != Moves::back) return result;
  return vfd::write_program(pointer_to<void>(given), at, structure.bytes) ? result : -EFAULT;
}

// ---- semaphores ----

long semaphore_count(uint64_t id) {
  vfd::Transfer transfer;
  auto* const about = static_cast<semid_ds*>(transfer.take(sizeof(semid_ds)));
  const long result = shadow_call(SYS_semctl, id, 0, IPC_STAT, about);
  if (sys::failed(result)) return result;
  return about->sem_nsems <= 32000 ? static_cast<long>(about->sem_nsems) : -EIO; // SEMMSL of Linux
}

long all_values(const Call& call) {
  const long count = semaphore_count(call.arg(0));
  if (sys::failed(count)) return count;
  const uint64_t bytes = static_cast<uint64_t>(count) * sizeof(uint16_t);
  return control_object(call, 3, {call.arg(2) == GETALL ? Moves::back : Moves::there, bytes});
}

long control_semaphores(const Call& call) {
  const int command = call.number_arg(2);
  if (command == GETALL || command == SETALL) return all_values(call);
  return control_object(call, 3, structure_of(command, SEM_STAT, sizeof(semid_ds), sizeof(seminfo)));
}

bool may_wait(const sembuf* operations, uint64_t count) {
  bool may = false;
  for (uint64_t i = 0; i < count; ++i) {
    if (operations[i].sem_flg & IPC_NOWAIT) return false; // what its failure means is for the kernel to say
    may = may || operations[i].sem_op <= 0;
  }
  return may;
}

// First as if it must not wait, which it mostly need not: that is one answer, without a thread of the shadow's.
long operate(const Call& call) {
  constexpr uint64_t kCountMax = (64 << 10) / sizeof(sembuf);
  const uint64_t count = call.arg(2);
  if (count > kCountMax) return -E2BIG;
  vfd::Transfer transfer;
  auto* const operations = static_cast<sembuf*>(transfer.put(call.pointer<void>(1), count * sizeof(sembuf)));
  const bool limited = call.number() == SYS_semtimedop && call.arg(3);
  void* const limit = limited ? transfer.put(call.pointer<void>(3), sizeof(timespec)) : nullptr;
  if (!operations || (limited && !limit)) return -EFAULT;
  if (may_wait(operations, count)) {
    for (uint64_t i = 0; i < count; ++i) operations[i].sem_flg |= IPC_NOWAIT;
    const long result = shadow_call(call.number(), call.arg(0), operations, count, limit);
    if (result != -EAGAIN) return result;
    for (uint64_t i = 0; i < count; ++i)
      operations[i].sem_flg = static_cast<short>(operations[i].sem_flg & ~IPC_NOWAIT);
  }
  return shadow_call(call.number(), call.arg(0), operations, count, limit);
}

// ---- messages ----

constexpr uint64_t kMessageMax = 96 << 10; // Linux has 8 KiB, unless somebody has allowed more
constexpr uint64_t kTypeBytes = sizeof(long);

long send_message(const Call& call) {
  if (call.arg(2) > kMessageMax) return -EINVAL;
  vfd::Transfer transfer;
  void* const message = transfer.put(call.pointer<void>(1), kTypeBytes + call.arg(2));
  if (!message) return -EFAULT;
  const uint64_t flags = call.arg(3);
  const long result = shadow_call(SYS_msgsnd, call.arg(0), message, call.arg(2), flags | IPC_NOWAIT);
  if (result != -EAGAIN || flags & IPC_NOWAIT) return result;
  return shadow_call(SYS_msgsnd, call.arg(0), message, call.arg(2), flags);
}

long receive_message(const Call& call) {
  if (static_cast<int64_t>(call.arg(2)) < 0) return -EINVAL;
  const uint64_t bytes = call.arg(2) < kMessageMax ? call.arg(2) : kMessageMax;
  vfd::Transfer transfer;
  void* const message = transfer.take(kTypeBytes + bytes);
  const uint64_t flags = call.arg(4);
  long result = shadow_call(SYS_msgrcv, call.arg(0), message, bytes, call.arg(3), flags | IPC_NOWAIT);
  if (result == -ENOMSG && !(flags & IPC_NOWAIT))
    result = shadow_call(SYS_msgrcv, call.arg(0), message, bytes, call.arg(3), flags);
  if (sys::failed(result)) return result;
  const uint64_t got = static_cast<uint64_t>(result) < bytes ? static_cast<uint64_t>(result) : bytes;
  return vfd::write_program(call.pointer<void>(1), message, kTypeBytes + got) ? static_cast<long>(got) : -EFAULT;
}

} // namespace

long segment_by_shadow(const Call& call) {
  const int command = call.number_arg(1);
  if (call.number() == SYS_shmget) return by_row(call);
  Structure structure = structure_of(command, SHM_STAT, sizeof(shmid_ds), sizeof(shminfo));
  if (command == SHM_INFO) structure.bytes = sizeof(shm_info);
  return control_object(call, 2, structure);
}

std::optional<long> object_by_shadow(const Call& call) {
  switch (call.number()) {
    case SYS_semop:
    case SYS_semtimedop: return operate(call);
    case SYS_semctl: return control_semaphores(call);
    case SYS_msgsnd: return send_message(call);
    case SYS_msgrcv: return receive_message(call);
    case SYS_msgctl:
      return control_object(call, 2, structure_of(call.number_arg(1), MSG_STAT, sizeof(msqid_ds), sizeof(msginfo)));
    case SYS_semget:
    case SYS_msgget:
    case SYS_mq_open:
    case SYS_mq_unlink: return by_row(call);
    default: return std::nullopt;
  }
}

} // namespace sp
