// SPDX-License-Identifier: Apache-2.0
// Writing to the event log (wire/event_log.hpp), by whoever has mapped it. Without a log nothing is said: a cluster runs
// also where there is no room for one.
#pragma once
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsuperproc/wire/event_log.hpp"

namespace sp {

inline constinit wire::EventLog* event_log = nullptr;
inline constinit int32_t event_log_cluster = 0;

// Null: there is none, or of another version.
inline wire::EventLog* map_event_log(int descriptor) {
  struct stat about {};
  if (fstat(descriptor, &about) != 0 || about.st_size < static_cast<off_t>(sizeof(wire::EventLog))) return nullptr;
  void* const at = mmap(nullptr, sizeof(wire::EventLog), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return at == MAP_FAILED ? nullptr : static_cast<wire::EventLog*>(at);
}

[[gnu::format(printf, 2, 3)]] inline void log_event(uint32_t node, const char* format, ...) {
  if (event_log == nullptr) return;
  char text[wire::kEventTextBytes];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length <= 0) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t ticket = event_log->header.written.fetch_add(1, std::memory_order_relaxed);
  wire::LoggedEvent& event = event_log->events[ticket % wire::kEventCount];
  event.sequence.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  event.time_ns = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  event.cluster = event_log_cluster;
  event.node = node;
  event.text_bytes = std::min(static_cast<uint32_t>(length), wire::kEventTextBytes - 1);
  std::memcpy(event.text, text, event.text_bytes);
  event.sequence.store(ticket + 1, std::memory_order_release);
}

} // namespace sp
