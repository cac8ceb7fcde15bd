// SPDX-License-Identifier: Apache-2.0
// Bad input for the hypercall: each row of the table in gnttab-shm/hypercall/README.md gives its error.
#pragma once
#include <cstring>
#include <vector>

#include "gnttab-shm/backend/xen/range_place.hpp"
#include "tests/backend/xen_verdict.hpp"

namespace sp::test {

constexpr uint16_t kReadOnly = XEN_ADDRESS_RANGE_READ, kBoth = XEN_ADDRESS_RANGE_READ | XEN_ADDRESS_RANGE_WRITE;

inline uint64_t last_unit() {
  const auto reserved = *xen::RangePlace::reserved();
  return reserved.start + reserved.bytes - xen::kUnitBytes;
}

inline Result<xen::RangeId> register_readable(xen::DomainId peer) {
  const xen_address_range_peer reader{static_cast<uint16_t>(peer.value), kReadOnly};
  return xen::RangeCall::create(last_unit(), xen::kUnitBytes, {&reader, 1});
}

inline xen_address_range good_registration(xen::DomainId peer) {
  xen_address_range argument{};
  argument.op = XEN_ADDRESS_RANGE_register;
  argument.gfn = last_unit() / 4096;
  argument.count = 1;
  argument.nr_peers = 1;
  argument.peers[0] = {static_cast<uint16_t>(peer.value), kBoth};
  return argument;
}

template <class F>
void refuse_registration(xen::DomainId peer, int expected, const char* what, F change) {
  xen_address_range argument = good_registration(peer);
  change(argument);
  refused(xen::RangeCall::raw(argument), expected, what);
}

inline void refuse_bad_registrations(xen::DomainId self, xen::DomainId peer) {
  using A = xen_address_range;
  refuse_registration(peer, EINVAL, "no such operation", [](A& a) { a.op = 99; });
  refuse_registration(peer, EINVAL, "start inside a unit", [](A& a) { a.gfn += 1; });
  refuse_registration(peer, EINVAL, "start at 0", [](A& a) { a.gfn = 0; });
  refuse_registration(peer, EINVAL, "nothing", [](A& a) { a.count = 0; });
  refuse_registration(peer, EINVAL, "more than all", [](A& a) { a.count = ~0u; });
  refuse_registration(peer, EINVAL, "more done than asked", [](A& a) { a.done = 2; });
  refuse_registration(peer, EINVAL, "above the physical space", [](A& a) { a.gfn = 1ull << 51; });
  refuse_registration(peer, ENXIO, "a hole", [](A& a) { a.gfn = 1ull << 26; });
  refuse_registration(peer, EINVAL, "nobody", [](A& a) { a.nr_peers = 0; });
  refuse_registration(peer, EINVAL, "too many", [](A& a) { a.nr_peers = XEN_ADDRESS_RANGE_PEERS_MAX + 1; });
  refuse_registration(peer, EINVAL, "oneself", [&](A& a) { a.peers[0].domid = static_cast<uint16_t>(self.value); });
  refuse_registration(peer, ESRCH, "nobody's number", [](A& a) { a.peers[0].domid = 4000; });
  refuse_registration(peer, ESRCH, "a reserved number", [](A& a) { a.peers[0].domid = 0x7ff1; });
  refuse_registration(peer, EINVAL, "no rights", [](A& a) { a.peers[0].rights = 0; });
  refuse_registration(peer, EINVAL, "to write and not to read", [](A& a) { a.peers[0].rights = 2; });
  refuse_registration(peer, EINVAL, "other rights", [](A& a) { a.peers[0].rights = 5; });
  refuse_registration(peer, EINVAL, "the same peer twice", [](A& a) { a.peers[1] = a.peers[0], a.nr_peers = 2; });
  refuse_registration(peer, ENOENT, "more for no range", [](A& a) { a.id = 0x7fffffff, a.nr_peers = 0; });
  refuse_registration(peer, EINVAL, "more peers", [](A& a) { a.id = 1; });
  refused(xen::RangeCall::revoke({0x7fffffff}, self), ENOENT, "a range that is not there");

  std::vector<xen::RangeId> made;
  Result<xen::RangeId> next = register_readable(peer);
  for (; next && made.size() <= XEN_ADDRESS_RANGE_RANGES_MAX; next = register_readable(peer)) made.push_back(*next);
  refused(next, ENOSPC, "one range too many");
  for (const xen::RangeId id : made) check(xen::RangeCall::revoke(id, self).has_value(), "all of them end");
}

// `data` is mapped here already; `readable` may be read only.
inline void refuse_bad_mappings(xen::RangeName data, xen::RangeName readable) {
  using xen::kUnitBytes;
  using xen::RangeCall;
  const uint64_t hole = 1ull << 38, ram = last_unit();
  refused(RangeCall::map(readable, hole, kUnitBytes, kBoth), EACCES, "to write what one may read");
  refused(RangeCall::map(readable, hole, kUnitBytes, 0), EINVAL, "without rights");
  refused(RangeCall::map(readable, ram, kUnitBytes, kReadOnly), EEXIST, "over memory");
  refused(RangeCall::map(readable, hole + 4096, kUnitBytes, kReadOnly), EINVAL, "into the middle of a unit");
  refused(RangeCall::map(readable, hole, 2 * kUnitBytes, kReadOnly), EINVAL, "more than there is");
  refused(RangeCall::map({readable.owner, {0x7fffffff}}, hole, kUnitBytes, kReadOnly), ENOENT, "no range");
  refused(RangeCall::map({{4000}, readable.id}, hole, kUnitBytes, kReadOnly), ESRCH, "no owner");
  refused(RangeCall::map(data, hole, kUnitBytes, kBoth), EEXIST, "the same twice");
  refused(RangeCall::unmap(data, hole, kUnitBytes), ENOENT, "unmapped where it is not");
  refused(RangeCall::revoke(readable.id, readable.owner), ENOENT, "revoked by a peer");

  check(RangeCall::map(readable, hole, kUnitBytes, kReadOnly).has_value(), "mapped to read");
  xen_address_range lent = good_registration(readable.owner);
  lent.gfn = hole / 4096;
  refused(RangeCall::raw(lent), ENXIO, "what another has lent");
  refused(RangeCall::map(readable, hole, kUnitBytes, kReadOnly), EEXIST, "mapped twice");
  check(RangeCall::unmap(readable, hole, kUnitBytes).has_value(), "unmapped");
  refused(RangeCall::unmap(readable, hole, kUnitBytes), ENOENT, "unmapped twice");
}

inline void refuse_without_consent(xen::RangeName readable) {
  refused(xen::RangeCall::query(readable), EACCES, "asked without consent");
  refused(xen::RangeCall::map(readable, 1ull << 38, xen::kUnitBytes, kReadOnly), EACCES, "mapped without consent");
}

} // namespace sp::test
