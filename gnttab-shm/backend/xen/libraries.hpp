// SPDX-License-Identifier: Apache-2.0
// Xen's libraries, whose headers know nothing of C++.
#pragma once
#include <cstdint>

extern "C" {
#include <xencall.h>
#include <xenevtchn.h>
#include <xenstore.h>

#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sys/evtchn.h>
}
