// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/trace.hpp"

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "libsuperproc/wire/trace.hpp"
#include "vfd/body.hpp"
#include "vfd/program_memory.hpp"

namespace sp {

namespace {

constexpr uint32_t kBufferBytes = 32, kPathBytes = 160; // of one piece

void all_of_interest(bool traced) {
  for (auto& interest : sp_interest) __atomic_store_n(&interest.traced, traced, __ATOMIC_RELAXED);
}

void switch_off() {
  all_of_interest(false);
  wire::trace().tracer.store(0);
}

// A converted process's child finds a new control segment: what it shall know of the tracer.
constinit int32_t tracer_of_children = 0;

bool runs_another_program(long number) { return number == SYS_execve || number == SYS_execveat; }
bool ends(long number) { return number == SYS_exit || number == SYS_exit_group; }
bool makes_a_process(long number) {
  return number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork;
}

// ---- what the arguments point to ----

// The event as it is being made, on the caller's stack.
class Draft {
public:
  explicit Draft(const Call& call) : call_(call), row_(find_arguments(call.number())) {
    event_.tid = own_tid().value;
    event_.node = static_cast<uint8_t>(vfd::in_cluster() ? vfd::membership.node.value : this_node().value);
    event_.number = static_cast<uint16_t>(call.number());
    event_.flags = call.trap ? wire::kTraceTrapped : 0;
    for (int i = 0; i < 6; ++i) event_.arguments[i] = call.arg(i);
    for (uint32_t i = 0; row_ && i < row_->count; ++i) read_before(i, row_->at[i]);
    event_.began = sys::cycles();
  }

  // `flags` besides those of the call.
  void publish(long result, uint8_t flags) {
    event_.ended = sys::cycles();
    event_.result = result;
    event_.flags |= flags;
    for (uint32_t i = 0; row_ && !(flags & wire::kTraceBegun) && i < row_->count; ++i)
      read_after(i, row_->at[i], result);
    wire::TraceHeader& trace = wire::trace();
    const uint64_t ticket = trace.written.fetch_add(1, std::memory_order_relaxed);
    auto& slot = reinterpret_cast<wire::TraceEvent*>(wire::kTraceEvents)[ticket % wire::kTraceEventCount];
    slot.sequence.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    constexpr uint64_t kStamp = sizeof slot.sequence;
    __builtin_memcpy(reinterpret_cast<char*>(&slot) + kStamp, reinterpret_cast<const char*>(&event_) + kStamp,
                     offsetof(wire::TraceEvent, text) - kStamp + used_);
    slot.sequence.store(ticket + 1, std::memory_order_release);
    if (event_.ended - trace.heard.load(std::memory_order_relaxed) > wire::kTraceGoneMax) switch_off();
    event_.flags &= static_cast<uint8_t>(~flags);
  }

private:
  void read_before(uint32_t i, const Argument& argument) {
    switch (argument.kind) {
      case ArgumentKind::path:
      case ArgumentKind::str: return add_text(i);
      case ArgumentKind::sigset: return add(i, sizeof(uint64_t));
      case ArgumentKind::timespec: return add(i, sizeof(timespec));
      case ArgumentKind::in:
        if (argument.bytes == 0) add(i, call_.arg(argument.length_argument));
        return;
      default: return;
    }
  }

  void read_after(uint32_t i, const Argument& argument, long result) {
    if (argument.kind == ArgumentKind::out && argument.bytes == 0 && result > 0) add(i, static_cast<uint64_t>(result));
  }

  char* room() { return event_.text + used_; }
  bool is_full() const {
    return event_.piece_count == wire::kTracePieceCount || used_ + kPathBytes > wire::kTraceTextBytes;
  }
  void keep(uint32_t argument, uint64_t bytes, bool whole) {
    event_.pieces[event_.piece_count++] = {static_cast<uint8_t>(argument), whole, static_cast<uint16_t>(bytes)};
    used_ += bytes;
  }

  void add(uint32_t i, uint64_t bytes) {
    const uint64_t kept = bytes < kBufferBytes ? bytes : kBufferBytes;
    if (event_.arguments[i] == 0 || is_full() || !vfd::read_program(room(), pointer(i), kept)) return;
    keep(i, kept, kept == bytes);
  }

  void add_text(uint32_t i) {
    if (event_.arguments[i] == 0 || is_full()) return;
    if (const uint64_t bytes = vfd::read_text(room(), pointer(i), kPathBytes)) return keep(i, bytes - 1, true);
    if (vfd::read_program(room(), pointer(i), kPathBytes)) keep(i, kPathBytes, false);
  }

  const char* pointer(uint32_t i) const { return reinterpret_cast<const char*>(event_.arguments[i]); }

  const Call& call_;
  const Arguments* row_;
  wire::TraceEvent event_{};
  uint64_t used_ = 0;
};

// What has been written is lost with this memory.
void await_reader() {
  constexpr int64_t kLookAgainNs = 1'000'000;
  constexpr int kLooksMax = 2000;
  wire::TraceHeader& trace = wire::trace();
  for (int n = 0; n < kLooksMax && trace.tracer.load() != 0; ++n) {
    const uint64_t read = trace.read.load();
    if (read >= trace.written.load() || sys::cycles() - trace.heard.load() > wire::kTraceHeardMax) return;
    sys::futex_wait(reinterpret_cast<const volatile uint32_t*>(&trace.read), static_cast<uint32_t>(read), kLookAgainNs);
  }
}

} // namespace

[[gnu::noinline]] long traced(Call& call, long (*perform)(Call&)) {
  const long number = call.number();
  if (number == SYS_rt_sigreturn) return perform(call);
  Draft draft(call);
  const bool last = ends(number) && (number == SYS_exit_group || control().thread_count.load() <= 1);
  if (ends(number) || runs_another_program(number)) draft.publish(0, wire::kTraceBegun);
  if (last || runs_another_program(number)) await_reader();
  if (makes_a_process(number)) tracer_of_children = wire::trace().follow.load() ? wire::trace().tracer.load() : 0;
  const long result = perform(call);
  if (result == 0 && makes_a_process(number)) return result; // the child
  draft.publish(result, call.by_shadow ? wire::kTraceByShadow : 0);
  return result;
}

void start_trace(const char* const* environment) {
  wire::TraceHeader& trace = wire::trace();
  trace.version = wire::kTraceVersion;
  trace.bytes = sizeof trace;
  trace.interest = address_of(sp_interest);
  if (const char* text = find_variable(environment, wire::kEnvTraced)) {
    int32_t tracer = 0;
    for (; *text >= '0' && *text <= '9'; ++text) tracer = tracer * 10 + (*text - '0');
    trace.follow.store(text[0] == ':' && text[1] == '1');
    trace.heard.store(sys::cycles());
    trace.tracer.store(tracer);
    all_of_interest(tracer != 0);
  }
  trace.magic = wire::kTraceMagic;
}

void trace_child() {
  wire::TraceHeader& trace = wire::trace();
  if (trace.magic != wire::kTraceMagic) { // a new control segment
    trace.version = wire::kTraceVersion;
    trace.bytes = sizeof trace;
    trace.interest = address_of(sp_interest);
    trace.tracer.store(tracer_of_children);
    trace.follow.store(1);
    trace.magic = wire::kTraceMagic;
  }
  if (trace.tracer.load() == 0 || trace.follow.load() == 0) return switch_off();
  trace.written.store(0);
  trace.read.store(0);
  trace.heard.store(sys::cycles());
}

} // namespace sp
