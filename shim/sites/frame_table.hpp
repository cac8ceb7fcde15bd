// SPDX-License-Identifier: Apache-2.0
// Function bounds and exception landing pads out of .eh_frame_hdr, .eh_frame and .gcc_except_table.
#pragma once
#include "shim/sites/code_image.hpp"

namespace sp::sites {

// Appends to image.functions and image.entries. `header_address` is that of .eh_frame_hdr (PT_GNU_EH_FRAME). Records that
// make no sense are left out: their code then has no function, and sites in it are refused.
void read_frame_table(CodeImage& image, uint64_t header_address);

} // namespace sp::sites
