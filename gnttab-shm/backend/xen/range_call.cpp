// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/range_call.hpp"

#include <algorithm>
#include <cerrno>

#include "gnttab-shm/backend/xen/libraries.hpp"

namespace sp::xen {

Result<long> RangeCall::raw(xen_address_range& argument) {
  xencall_handle* call = xencall_open(nullptr, 0);
  if (!call) return fail(errno);
  long value = -1;
  int error = ENOMEM;
  if (auto* buffer = static_cast<xen_address_range*>(xencall_alloc_buffer(call, sizeof argument))) {
    *buffer = argument;
    value = xencall2(call, __HYPERVISOR_memory_op, XENMEM_address_range, reinterpret_cast<uintptr_t>(buffer));
    error = errno;
    argument = *buffer;
    xencall_free_buffer(call, buffer);
  }
  xencall_close(call);
  if (value < 0) return fail(error);
  return value;
}

static xen_address_range units(uint16_t operation, RangeName name, uint64_t address, uint64_t bytes) {
  xen_address_range argument{};
  argument.op = operation;
  argument.domid = static_cast<uint16_t>(name.owner.value);
  argument.id = name.id.value;
  argument.gfn = address / 4096;
  argument.count = static_cast<uint32_t>(bytes / kUnitBytes);
  return argument;
}

bool RangeCall::there() {
  xen_address_range argument{};
  argument.op = XEN_ADDRESS_RANGE_probe;
  const auto version = raw(argument);
  if (!version || *version != XEN_ADDRESS_RANGE_VERSION) return false;
  const auto nothing = query({{0}, {0}}); // dom0 has no range 0; what counts is that the domain may ask
  return nothing.error().value != EOPNOTSUPP;
}

Result<uint64_t> RangeCall::system_time_ns() {
  xen_address_range argument{};
  argument.op = XEN_ADDRESS_RANGE_probe;
  TRY_VOID(raw(argument));
  return argument.gfn;
}

Result<RangeId> RangeCall::create(uint64_t address, uint64_t bytes, std::span<const xen_address_range_peer> peers) {
  if (peers.size() > XEN_ADDRESS_RANGE_PEERS_MAX) return fail(ENOSPC);
  xen_address_range argument = units(XEN_ADDRESS_RANGE_register, {{0}, {0}}, address, bytes);
  argument.nr_peers = static_cast<uint16_t>(peers.size());
  std::copy(peers.begin(), peers.end(), argument.peers);
  TRY_VOID(raw(argument));
  return RangeId{argument.id};
}

Result<RangeState> RangeCall::query(RangeName name) {
  xen_address_range argument = units(XEN_ADDRESS_RANGE_query, name, 0, 0);
  TRY_VOID(raw(argument));
  return RangeState{argument.count * kUnitBytes, argument.rights, argument.done};
}

Result<void> RangeCall::map(RangeName name, uint64_t address, uint64_t bytes, uint16_t rights) {
  xen_address_range argument = units(XEN_ADDRESS_RANGE_map, name, address, bytes);
  argument.rights = rights;
  const auto mapped = raw(argument);
  if (mapped) return {};
  if (argument.done) (void)unmap(name, address, argument.done * kUnitBytes);
  return fail(mapped.error().value);
}

Result<void> RangeCall::unmap(RangeName name, uint64_t address, uint64_t bytes) {
  xen_address_range argument = units(XEN_ADDRESS_RANGE_unmap, name, address, bytes);
  TRY_VOID(raw(argument));
  return {};
}

Result<void> RangeCall::revoke(RangeId id, DomainId from) {
  xen_address_range argument = units(XEN_ADDRESS_RANGE_revoke, {from, id}, 0, 0);
  TRY_VOID(raw(argument));
  return {};
}

Result<void> RangeCall::release(RangeId id) {
  xen_address_range argument = units(XEN_ADDRESS_RANGE_release, {{0}, id}, 0, 0);
  TRY_VOID(raw(argument));
  return {};
}

} // namespace sp::xen
