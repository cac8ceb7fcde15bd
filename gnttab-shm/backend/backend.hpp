// SPDX-License-Identifier: Apache-2.0
// What a kind of node must provide: segments and a bell. A backend is a class without state in shared memory, chosen
// when superproc is compiled or started; it is a concept and not a base class, because it also runs where there is no
// C++ run-time library. backend/skeleton is the least one, to be copied; each must pass the suite in tests/backend.
#pragma once
#include <concepts>

#include "gnttab-shm/bell.hpp"
#include "gnttab-shm/segment.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

// What nodes of a backend have in common beyond memory. Each allows a shortcut past a protocol that works without it.
enum class Capability : uint32_t {
  shared_descriptor_table = 1, // a resident may be forked with the home's descriptor table
  shared_pids = 2,             // one kernel gives out all process numbers and delivers all signals
  kernel_futex = 4,            // a futex on segment memory wakes waiters on every node
  descriptor_passing = 8,      // a descriptor can be sent to another node over a socket
  range_mapping = 16,          // a whole segment can be mapped at a chosen address in one step
};

class Capabilities {
public:
  constexpr Capabilities() = default;
  template <class... C>
  static constexpr Capabilities of(C... capabilities) {
    Capabilities all;
    all.bits_ = (0u | ... | static_cast<uint32_t>(capabilities));
    return all;
  }
  constexpr bool has(Capability c) const { return bits_ & static_cast<uint32_t>(c); }
  constexpr uint32_t bits() const { return bits_; }
  friend constexpr bool operator==(Capabilities, Capabilities) = default;

private:
  uint32_t bits_ = 0;
};

template <class B>
concept Backend = requires(B backend, const char* label, uint64_t bytes, Segment segment, SegmentName name,
                           const MapRequest& request, Mapping mapping) {
  typename B::BellType;
  requires Bell<typename B::BellType>;
  { B::kName } -> std::convertible_to<const char*>;
  { backend.capabilities() } -> std::same_as<Capabilities>;
  // A new segment of this size, rounded up to pages; it never grows or shrinks. `label` is for people who look.
  { backend.create(label, bytes) } -> std::same_as<Result<Segment>>;
  // The segment that another process made; its size is the kernel's word, not the other process's.
  { backend.open(name) } -> std::same_as<Result<Segment>>;
  // How another process can name this one.
  { backend.name(segment) } -> std::same_as<Result<SegmentName>>;
  { backend.map(segment, request) } -> std::same_as<Result<Mapping>>;
  { backend.unmap(mapping) } -> std::same_as<Result<void>>;
  // Gives the pages of this part back; they read as zeros afterwards, on every node.
  { backend.discard(segment, bytes, bytes) } -> std::same_as<Result<void>>;
  // Mappings stay.
  { backend.close(segment) } -> std::same_as<Result<void>>;
};

} // namespace sp
