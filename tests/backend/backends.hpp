// SPDX-License-Identifier: Apache-2.0
// The backends that the suite runs on. A new one is added to SP_BACKENDS and must pass without a change to the tests.
#pragma once
#include <doctest/doctest.h>

#include "gnttab-shm/backend/embedded/embedded.hpp"

namespace sp::test {

struct IsolatedBackend : EmbeddedBackend {
  static constexpr const char* kName = "embedded --isolate";
  IsolatedBackend() : EmbeddedBackend(Isolation::isolated) {}
};
static_assert(Backend<IsolatedBackend>);

#define SP_BACKENDS sp::EmbeddedBackend, sp::test::IsolatedBackend

} // namespace sp::test

TYPE_TO_STRING(sp::EmbeddedBackend);
TYPE_TO_STRING(sp::test::IsolatedBackend);
