// SPDX-License-Identifier: Apache-2.0
// The path of a library that this process runs with.
#pragma once
#include <link.h>
#include <string>

// The first whose file name begins so, or "".
inline std::string loaded_file(const std::string& name) {
  struct Search {
    const std::string& name;
    std::string path;
  } search{name, ""};
  dl_iterate_phdr(
      [](dl_phdr_info* loaded, size_t, void* data) {
        auto* wanted = static_cast<Search*>(data);
        const std::string path = loaded->dlpi_name;
        if (!path.substr(path.rfind('/') + 1).starts_with(wanted->name)) return 0;
        wanted->path = path;
        return 1;
      },
      &search);
  return search.path;
}
