// SPDX-License-Identifier: Apache-2.0
// `spctl bench`: each measurement of bench/measurements.hpp natively and under superproc, in turn, the median of several
// runs. Machines are shared and their speed drifts: only two runs that lie side by side can be compared, so the two
// kinds alternate, and the order within a pair too.
#include "bench/measurements.hpp"

#include <algorithm>
#include <charconv>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <span>
#include <unistd.h>

#include "spctl/commands.hpp"
#include "spctl/library.hpp"
#include "spctl/message.hpp"
#include "spctl/table.hpp"
#include "spctl/timed_program.hpp"

namespace sp::spctl {
namespace {

using bench::Measurement;

constexpr uint32_t kRunsDefault = 5;
constexpr uint32_t kRunsQuick = 3;
constexpr int kStartsPerRun = 15; // of a program that is only timed: one start is short
constexpr int kLimitSeconds = 120;

struct Series {
  std::vector<double> values;
  std::string failure;
};

struct Compared {
  const Measurement* row;
  Series native, superproc;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<double> value_of(const Series& series) {
  if (series.values.empty() || !series.failure.empty()) return std::nullopt;
  return median(series.values);
}

tl::expected<double, std::string> printed_number(const std::string& output) {
  double number = 0;
  const size_t start = output.find_first_not_of(" \n");
  if (start != std::string::npos &&
      std::from_chars(output.data() + start, output.data() + output.size(), number).ec == std::errc())
    return number;
  return tl::unexpected<std::string>("printed no number");
}

// Where the programs are that measure: beside spctl in a build, in a folder of their own where superproc is installed.
std::string probes_folder() {
  for (const char* folder : {"", "/../libexec/superproc"})
    if (access((own_folder() + folder + "/" + std::string(bench::kProbe)).c_str(), X_OK) == 0)
      return own_folder() + folder;
  return "";
}

// What superproc is told for one measurement; natively nothing.
class Wish {
public:
  explicit Wish(const Measurement& row) { row.forks_leave ? setenv(kName, "leaves", 1) : unsetenv(kName); }
  ~Wish() { unsetenv(kName); }
  Wish(const Wish&) = delete;
  Wish& operator=(const Wish&) = delete;

private:
  static constexpr const char* kName = "SUPERPROC_FORK";
};

class Bench {
public:
  Bench(const BenchOptions& options, std::string picture) : options_(options), picture_(std::move(picture)) {}

  Compared compare(const Measurement& row, uint32_t run_count, const std::function<void(uint32_t)>& progress) const {
    Compared compared{&row, {}, {}};
    std::vector<std::string> native = command(row);
    const std::vector<std::string> superproc = row.in_domains ? native : under_superproc(native);
    if (row.in_domains) native.emplace_back(bench::kNativeArgument);
    for (uint32_t run = 0; run < run_count; ++run) {
      progress(run);
      const bool native_first = run % 2 == 0;
      if (native_first) measure(row, native, compared.native);
      {
        const Wish wish(row);
        measure(row, superproc, compared.superproc);
      }
      if (!native_first) measure(row, native, compared.native);
      if (!compared.native.failure.empty() || !compared.superproc.failure.empty()) break;
    }
    return compared;
  }

private:
  std::vector<std::string> command(const Measurement& row) const {
    std::vector<std::string> words;
    words.push_back(row.program.starts_with('/') ? std::string(row.program)
                                                 : probes_folder() + "/" + std::string(row.program));
    for (const std::string_view argument : row.arguments)
      if (!argument.empty()) words.push_back(argument == bench::kPictureArgument ? picture_ : std::string(argument));
    if (options_.quick && row.program.starts_with("sp-bench-")) words.emplace_back(bench::kQuickArgument);
    return words;
  }

  std::vector<std::string> under_superproc(const std::vector<std::string>& native) const {
    std::vector<std::string> words = {own_folder() + "/spctl", "run", "--nodes",
                                      fmt::format("{}", options_.node_count)};
    if (options_.isolate) words.emplace_back("--isolate");
    if (!options_.backend.empty()) words.insert(words.end(), {"--backend", options_.backend});
    words.emplace_back("--");
    words.insert(words.end(), native.begin(), native.end());
    return words;
  }

  static void measure(const Measurement& row, const std::vector<std::string>& words, Series& into) {
    if (!into.failure.empty()) return;
    const bool timed = row.source == bench::Source::wall_time;
    std::vector<double> starts_ms;
    for (int start = 0; start < (timed ? kStartsPerRun : 1); ++start) {
      const auto result = run_program(words, kLimitSeconds);
      if (!result) {
        into.failure = result.error();
        return;
      }
      if (timed) {
        starts_ms.push_back(static_cast<double>(result->wall_ns) / 1e6);
        continue;
      }
      const auto number = printed_number(result->output);
      if (number)
        into.values.push_back(*number);
      else
        into.failure = std::string(row.name) + " " + number.error();
    }
    if (timed) into.values.push_back(median(starts_ms));
  }

  const BenchOptions& options_;
  std::string picture_;
};

bool judged(const Measurement& row) { return row.judged != bench::Judged::not_at_all; }

bool is_ok(const Compared& c) {
  const auto native = value_of(c.native);
  const auto superproc = value_of(c.superproc);
  return native && superproc && bench::accepted(*c.row, *native, *superproc);
}

std::optional<double> ratio_of(const Compared& c) {
  const auto native = value_of(c.native);
  const auto superproc = value_of(c.superproc);
  if (!native || !superproc || !(*native > 0)) return std::nullopt;
  return *superproc / *native;
}

const char* name_of(bench::Judged judged) {
  switch (judged) {
    case bench::Judged::by_difference: return "difference";
    case bench::Judged::by_value: return "value";
    default: return "ratio";
  }
}

nlohmann::ordered_json json_of(const Compared& c, const std::string& processor) {
  using nlohmann::ordered_json;
  const auto maybe = [](const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(); };
  const std::string& failure = c.native.failure.empty() ? c.superproc.failure : c.native.failure;
  ordered_json one = {{"name", c.row->name},
                      {"unit", c.row->unit},
                      {"native", maybe(value_of(c.native))},
                      {"superproc", maybe(value_of(c.superproc))},
                      {"ratio", maybe(ratio_of(c))},
                      {"accept", judged(*c.row) ? ordered_json(c.row->accept) : ordered_json()},
                      {"ok", judged(*c.row) || !failure.empty() ? ordered_json(is_ok(c)) : ordered_json()},
                      {"better", c.row->better == bench::Better::lower ? "lower" : "higher"},
                      {"judged", name_of(c.row->judged)},
                      {"aim", c.row->aim > 0 ? ordered_json(c.row->aim) : ordered_json()},
                      {"native_runs", c.native.values},
                      {"superproc_runs", c.superproc.values},
                      {"processor", processor}};
  if (!failure.empty()) one["failure"] = failure;
  return one;
}

std::string number_text(const std::optional<double>& value) {
  if (!value) return "-";
  if (*value >= 100) return fmt::format("{:.0f}", *value);
  return fmt::format("{:.{}f}", *value, *value >= 1 ? 2 : 3);
}

std::string accept_text(const Measurement& row) {
  if (!judged(row)) return "";
  const char* sign = row.better == bench::Better::lower ? "<=" : ">=";
  if (row.judged == bench::Judged::by_difference) return fmt::format("+{:g} {}", row.accept, row.unit);
  if (row.judged == bench::Judged::by_value) return fmt::format("{} {:g} {}", sign, row.accept, row.unit);
  return fmt::format("{} {:.2f}", sign, row.accept);
}

void print_table(const std::vector<Compared>& all) {
  Table table({{""},
               {"MEASUREMENT"},
               {"UNIT"},
               {"NATIVE", Align::right},
               {"SUPERPROC", Align::right},
               {"RATIO", Align::right},
               {"ACCEPT", Align::right},
               {"AIM", Align::right}});
  for (const Compared& c : all) {
    const bool failed = !c.native.failure.empty() || !c.superproc.failure.empty();
    const bool good = is_ok(c);
    const char* mark = failed ? "FAILED" : !judged(*c.row) ? "" : good ? "ok" : "MISSED";
    const Colour colour = failed || !good ? Colour::bad : Colour::good;
    table.row({mark, std::string(c.row->name), std::string(c.row->unit), number_text(value_of(c.native)),
               number_text(value_of(c.superproc)), number_text(ratio_of(c)), accept_text(*c.row),
               c.row->aim > 0 ? fmt::format("{:.2f}", c.row->aim) : ""},
              colour);
  }
  table.print();
  for (const Compared& c : all)
    for (const Series* series : {&c.native, &c.superproc})
      if (!series->failure.empty())
        say(fmt::format("{} {}: {}", c.row->name, series == &c.native ? "natively" : "under superproc",
                        series->failure));
}

bool needs_picture(const Measurement& row) {
  return std::find(row.arguments.begin(), row.arguments.end(), bench::kPictureArgument) != row.arguments.end();
}

// A place for the picture; the file exists, empty.
tl::expected<std::string, std::string> new_picture() {
  const char* folder = getenv("TMPDIR");
  std::string path = fmt::format("{}/superproc-bench-XXXXXX", folder != nullptr && *folder != '\0' ? folder : "/tmp");
  const int descriptor = mkstemp(path.data());
  if (descriptor < 0) return tl::unexpected<std::string>(fmt::format("{}: {}", path, errno_text(errno)));
  close(descriptor);
  return path;
}

std::vector<std::span<const Measurement>> measurements(const BenchOptions& options) {
  if (options.backend == "xen") return {bench::kDomainMeasurements, bench::kIsolatedMeasurements};
  if (options.isolate || !options.backend.empty()) return {bench::kIsolatedMeasurements};
  return {bench::kMeasurements};
}

// As /proc/cpuinfo names it; an emulated machine's says so there.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (const size_t colon = line.find(": "); line.starts_with("model name") && colon != std::string::npos)
      return line.substr(colon + 2);
  return "unknown";
}

} // namespace

int bench(const BenchOptions& options) {
  std::vector<const Measurement*> rows;
  try {
    const std::regex only(options.only);
    for (const std::span<const Measurement> some : measurements(options))
      for (const Measurement& row : some)
        if (options.only.empty() || std::regex_search(row.name.begin(), row.name.end(), only)) rows.push_back(&row);
  } catch (const std::regex_error& wrong) {
    return own_error("--only {}: not a regular expression", options.only);
  }
  if (rows.empty())
    return own_error("--only {}: no measurement has such a name; spctl bench --list names them", options.only);
  if (options.list) {
    for (const Measurement* row : rows) print(std::string(row->name) + "\n");
    return 0;
  }
  if (const auto library = find_library(); !library) return refuse(library.error());
  if (probes_folder().empty())
    return own_error("{} is neither in {} nor in ../libexec/superproc; build or install superproc completely",
                     bench::kProbe, own_folder());

  std::string picture;
  if (std::any_of(rows.begin(), rows.end(), [](const Measurement* row) { return needs_picture(*row); })) {
    auto made = new_picture();
    if (!made) return own_error("no place for the picture: {}; set TMPDIR", made.error());
    picture = *made;
  }
  const CleanInterrupt clean(picture);
  if (!picture.empty()) {
    const size_t bytes = options.quick ? bench::kQuickPictureBytes : bench::kPictureBytes;
    const auto made = run_program({probes_folder() + "/make-bitmap", picture, fmt::format("{}", bytes)}, kLimitSeconds);
    if (!made) return own_error("the picture cannot be made: {}; set TMPDIR to a folder with room", made.error());
  }

  const bool progress = isatty(2) == 1;
  const uint32_t run_count = options.run_count.value_or(options.quick ? kRunsQuick : kRunsDefault);
  const Bench bench(options, picture);
  std::vector<Compared> all;
  for (const Measurement* row : rows)
    all.push_back(bench.compare(*row, run_count, [&](uint32_t run) {
      if (progress)
        fmt::print(stderr, "\r\033[K{}/{} {} run {}/{}", all.size() + 1, rows.size(), row->name, run + 1, run_count);
    }));
  if (progress) fmt::print(stderr, "\r\033[K");

  if (options.output == Output::json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const std::string processor = processor_name();
    for (const Compared& c : all) list.push_back(json_of(c, processor));
    print(list.dump(2) + "\n");
  } else {
    print_table(all);
    print(fmt::format("processor: {}\n", processor_name()));
  }
  const bool measured = std::all_of(all.begin(), all.end(), [](const Compared& c) {
    return c.native.failure.empty() && c.superproc.failure.empty();
  });
  return measured ? 0 : 1;
}

} // namespace sp::spctl
