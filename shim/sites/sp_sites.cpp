// SPDX-License-Identifier: Apache-2.0
// sp-sites FILE...                   the system-call sites of libraries, a table for people
// sp-sites --json FILE...            the same for programs
// sp-sites --table OUT.inc FILE...   the text that shim/sites/site_tables.cpp includes
// sp-sites --embed PROGRAM           writes them into a static program that is linked with libsuperproc-shim.a
// sp-sites --loaded                  takes the libc and the dynamic loader that this program itself runs with: the
//                                    build's way to find them, right wherever the toolchain keeps its linker scripts
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <link.h>
#include <sstream>

#include "shim/sites/elf_file.hpp"
#include "shim/sites/embed.hpp"
#include "shim/sites/table_writer.hpp"

namespace sp::sites {
namespace {

int take_loaded(dl_phdr_info* loaded, size_t, void* list) {
  if (loaded->dlpi_name == nullptr || loaded->dlpi_name[0] != '/') return 0;
  const std::string path = loaded->dlpi_name;
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "libc.so.6" || name.starts_with("ld-linux"))
    static_cast<std::vector<std::string>*>(list)->push_back(path);
  return 0;
}

// Replaces the file only when its text changes, so that a build does not repeat what depends on it.
bool write_if_changed(const std::string& path, const std::string& text) {
  std::ifstream old(path, std::ios::binary);
  if (old && std::string(std::istreambuf_iterator<char>(old), {}) == text) return true;
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary);
  out << text;
  out.close();
  return out && std::rename(fresh.c_str(), path.c_str()) == 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Finds the system-call sites of libraries and how each can be patched."};
  std::vector<std::string> paths;
  std::string table;
  bool json = false, loaded = false, summary = false, embedded = false;
  app.add_option("FILE", paths, "x86-64 ELF files");
  app.add_option("--table", table, "write the C++ include with the tables to this file");
  app.add_flag("--json", json, "print JSON");
  app.add_flag("--loaded", loaded, "add the libc and the dynamic loader that this program runs with");
  app.add_flag("--embed", embedded, "write the sites into static programs linked with libsuperproc-shim.a");
  app.add_flag("--summary", summary, "print only the line per file");
  CLI11_PARSE(app, argc, argv);
  std::vector<std::string> own;
  if (loaded) dl_iterate_phdr(take_loaded, &own);
  paths.insert(paths.begin(), own.begin(), own.end());
  if (paths.empty()) {
    fmt::print(stderr, "sp-sites: no file given; name a library, or use --loaded\n");
    return 2;
  }
  std::vector<FileSites> files;
  for (const auto& path : paths) {
    auto image = read_elf(path);
    if (!image) {
      fmt::print(stderr, "sp-sites: {}: {}\n", path, image.error());
      return 1;
    }
    auto sites = find_sites(*image);
    if (const std::string wrong = embedded ? embed(path, sites) : ""; !wrong.empty()) {
      fmt::print(stderr, "sp-sites: {} {}\n", path, wrong);
      return 1;
    }
    files.push_back({std::move(*image), std::move(sites)});
  }
  if (json) {
    print_json(std::cout, files);
  } else {
    const auto detail = summary || embedded || !table.empty() ? Detail::Summary : Detail::EverySite;
    for (const auto& file : files) print_table(std::cout, file, detail);
  }
  if (table.empty()) return 0;
  std::ostringstream text;
  print_include(text, files);
  if (write_if_changed(table, text.str())) return 0;
  fmt::print(stderr, "sp-sites: {} cannot be written\n", table);
  return 1;
}

} // namespace
} // namespace sp::sites

int main(int argc, char** argv) { return sp::sites::run(argc, argv); }
