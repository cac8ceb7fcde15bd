// SPDX-License-Identifier: Apache-2.0
// See run_settings.hpp.
#include "spctl/run_settings.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>
#include <unistd.h>

#include "libsuperproc/wire/cluster.hpp"
#include "spctl/library.hpp"

namespace sp::spctl {
namespace {

constexpr std::string_view kPreload = "LD_PRELOAD";
constexpr std::string_view kLibraryName = "libsuperproc.so";
constexpr const char* kOwnNames[] = {wire::kEnvNodes, wire::kEnvPlacement, wire::kEnvCores, wire::kEnvTrace,
                                     wire::kEnvId};

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

std::optional<uint32_t> whole_number(const std::string& text) {
  uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<wire::Placement> placement_named(const std::string& name) {
  if (name == "round-robin" || name == "alternate") return wire::Placement::round_robin;
  if (name == "fill") return wire::Placement::fill;
  if (name == "least-loaded") return wire::Placement::least_loaded;
  return std::nullopt;
}

bool is_variable(std::string_view variable, std::string_view name) {
  return variable.substr(0, variable.find('=')) == name;
}

bool is_own(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  for (const char* own : kOwnNames)
    if (name == own) return true;
  return name == kPreload;
}

// What all nodes have alike: the system, superproc itself, and what was asked for.
tl::expected<std::vector<std::string>, Refusal> image_folders(const std::vector<std::string>& asked) {
  std::vector<std::string> folders = {"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc"};
  std::vector<std::string> wanted = asked;
  wanted.push_back(own_folder());
  if (const auto library = find_library()) wanted.push_back(library->substr(0, library->rfind('/')));
  size_t bytes = 0;
  for (const std::string& folder : wanted) {
    char* const resolved = realpath(folder.c_str(), nullptr);
    if (resolved == nullptr) return refused(fmt::format("--image {}: {}; give a folder", folder, errno_text(errno)));
    if (std::string_view(resolved) == "/") return refused("--image /: that is a common file tree; say --isolate");
    folders.emplace_back(resolved);
    free(resolved);
  }
  for (const std::string& folder : folders) bytes += folder.size() + 1;
  if (bytes >= wire::kImageTextMax) return refused("--image: too many folders, or too long names; give fewer");
  return folders;
}

// What LD_PRELOAD held, without any libsuperproc.so and without `library`.
std::string other_preloads(char** own, std::string_view library) {
  std::string others;
  for (char** variable = own; *variable != nullptr; ++variable) {
    std::string_view text = *variable;
    if (!text.starts_with(kPreload) || text.substr(kPreload.size(), 1) != "=") continue;
    text.remove_prefix(kPreload.size() + 1);
    while (!text.empty()) {
      const size_t end = text.find_first_of(": ");
      const std::string_view path = text.substr(0, end);
      if (!path.empty() && path != library && !path.substr(path.rfind('/') + 1).starts_with(kLibraryName))
        others += (others.empty() ? "" : ":") + std::string(path);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
  }
  return others;
}

} // namespace

const char* placement_name(wire::Placement placement) {
  switch (placement) {
    case wire::Placement::fill: return "fill";
    case wire::Placement::least_loaded: return "least-loaded";
    default: return "round-robin";
  }
}

tl::expected<RunSettings, Refusal> check_settings(const RunOptions& options, const char* inherited_nodes,
                                                  uint32_t cpu_count) {
  RunSettings settings;
  const bool inherited = options.nodes.empty() && inherited_nodes != nullptr && *inherited_nodes != '\0';
  const std::string nodes = inherited ? inherited_nodes : options.nodes;
  if (!nodes.empty()) {
    const auto count = whole_number(nodes);
    if (!count || *count < 1 || *count > kNodeCountMax)
      return refused(fmt::format("{} {}: a SuperProcess has 1 to {} nodes; give a number in that range",
                                 inherited ? "SUPERPROC_NODES" : "--nodes", nodes, kNodeCountMax));
    settings.node_count = *count;
  }
  if (!options.placement.empty()) {
    const auto placement = placement_named(options.placement);
    if (!placement)
      return refused(fmt::format("--placement {}: not a policy; give round-robin, fill, least-loaded or alternate",
                                 options.placement));
    settings.placement = *placement;
  }
  if (!options.cores_per_node.empty()) {
    const auto cores = whole_number(options.cores_per_node);
    if (!cores || *cores < 1 || *cores > cpu_count)
      return refused(fmt::format("--cores-per-node {}: this process may use {} CPUs; give 1 to {}",
                                 options.cores_per_node, cpu_count, cpu_count));
    settings.cores_per_node = *cores;
  }
  settings.trace = options.trace;
  if (!options.backend.empty() && options.backend != "embedded" && options.backend != "xen")
    return refused(fmt::format("--backend {}: give embedded or xen", options.backend));
  if (options.backend == "xen") settings.backend = Backend::xen;
  if (!options.image.empty() && options.isolation != Isolation::strict)
    return refused("--image is for nodes without a common file tree; say --isolate=strict as well");
  if (options.isolation == Isolation::strict) {
    const auto image = image_folders(options.image);
    if (!image) return tl::unexpected<Refusal>(image.error());
    settings.image = *image;
  }
  return settings;
}

std::vector<std::string> native_environment(char** own) {
  std::vector<std::string> environment;
  for (char** variable = own; *variable != nullptr; ++variable)
    if (!is_own(*variable)) environment.emplace_back(*variable);
  if (const std::string others = other_preloads(own, {}); !others.empty())
    environment.push_back(fmt::format("{}={}", kPreload, others));
  return environment;
}

std::vector<std::string> superproc_environment(char** own, const RunSettings& settings, const std::string& library) {
  std::vector<std::string> environment;
  for (char** variable = own; *variable != nullptr; ++variable)
    if (!is_own(*variable) && (settings.summary_path.empty() || !is_variable(*variable, kEnvSummary)))
      environment.emplace_back(*variable);
  const std::string others = other_preloads(own, library);
  environment.push_back(fmt::format("{}={}{}{}", kPreload, library, others.empty() ? "" : ":", others));
  environment.push_back(fmt::format("{}={}", wire::kEnvNodes, settings.node_count));
  environment.push_back(fmt::format("{}={}", wire::kEnvPlacement, placement_name(settings.placement)));
  if (settings.cores_per_node != 0)
    environment.push_back(fmt::format("{}={}", wire::kEnvCores, settings.cores_per_node));
  if (settings.trace) environment.push_back(fmt::format("{}=1", wire::kEnvTrace));
  if (!settings.summary_path.empty()) environment.push_back(fmt::format("{}={}", kEnvSummary, settings.summary_path));
  return environment;
}

std::string superprocess_name() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return fmt::format("{}={}:{}", wire::kEnvId, getpid(), now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

} // namespace sp::spctl
