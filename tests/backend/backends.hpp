// SPDX-License-Identifier: Apache-2.0
// The backends that the suite runs on. A new one is added to SP_BACKENDS and must pass without a change to the tests.
// Xen's has an executable of its own (backend-suite-xen), because it runs in a domain only: testbed/xen test.
#pragma once
#include <doctest/doctest.h>

#include "gnttab-shm/backend/embedded/embedded.hpp"
#ifdef SP_XEN_SUITE
#include "gnttab-shm/backend/xen/store.hpp"
#include "gnttab-shm/backend/xen/xen.hpp"
#endif

namespace sp::test {

struct IsolatedBackend : EmbeddedBackend {
  static constexpr const char* kName = "embedded --isolate";
  IsolatedBackend() : EmbeddedBackend(Isolation::isolated) {}
};
static_assert(Backend<IsolatedBackend>);

// False where a segment's memory is there from the start.
template <class B>
inline constexpr bool kPagesAtFirstTouch = true;

#ifdef SP_XEN_SUITE
// The suite's processes are all of one domain, whose pages are granted to dom0; xen_pair.cpp has the other side.
struct GrantingXen : XenBackend {
  GrantingXen() : XenBackend(xen::DomainId{0}, xen::Sharing::grants) {}
};
template <>
inline constexpr bool kPagesAtFirstTouch<GrantingXen> = false;
// The same with a range, where the hypervisor has the extension (backend-suite-xen ranges).
struct RangeXen : XenBackend {
  RangeXen() : XenBackend(xen::DomainId{0}, xen::Sharing::ranges) {}
};
template <>
inline constexpr bool kPagesAtFirstTouch<RangeXen> = false;
#define SP_BACKENDS sp::test::GrantingXen, sp::test::RangeXen
#else
#define SP_BACKENDS sp::EmbeddedBackend, sp::test::IsolatedBackend
#endif

} // namespace sp::test

TYPE_TO_STRING(sp::EmbeddedBackend);
TYPE_TO_STRING(sp::test::IsolatedBackend);
#ifdef SP_XEN_SUITE
TYPE_TO_STRING(sp::test::GrantingXen);
TYPE_TO_STRING(sp::test::RangeXen);
#endif
