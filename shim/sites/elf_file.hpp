// SPDX-License-Identifier: Apache-2.0
// Reads an x86-64 ELF file into a CodeImage. Code is what executable sections hold (executable segments where there are
// no section headers); functions come from the unwind table, and from sized symbols where that has a gap.
#pragma once
#include <string>
#include <tl/expected.hpp>

#include "shim/sites/code_image.hpp"

namespace sp::sites {

// The error is a line for people without the file's name.
tl::expected<CodeImage, std::string> read_elf(const std::string& path);

} // namespace sp::sites
