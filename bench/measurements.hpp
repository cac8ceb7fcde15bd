// SPDX-License-Identifier: Apache-2.0
// What `spctl bench` measures, natively and under superproc in turn: one row a measurement. A row says which program
// prints the number (or is timed), which direction is good, what is accepted and what is aimed at. To add a
// measurement, add a probe to sp-bench-probe.c and a row here; bench/README.md says what each number means.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

namespace sp::bench {

enum class Better { lower, higher };

// Where the number comes from: the program's standard output, or the time from starting it to its end, in ms.
enum class Source { printed, wall_time };

// How `accept` and `aim` are meant: superproc / native, at most for lower and at least for higher; or superproc -
// native, at most, in the row's unit; or superproc alone, at most; or not judged.
enum class Judged { not_at_all, by_ratio, by_difference, by_value };

struct Measurement {
  std::string_view name;
  std::string_view unit;
  Better better;
  Judged judged;
  double accept; // 0 where there is none
  double aim;    // 0 where there is none
  Source source;
  std::string_view program; // beside spctl, unless it begins with a slash
  // Empty ones are not passed; kPictureArgument stands for the picture's path.
  std::array<std::string_view, 3> arguments;
  bool forks_leave = false; // superproc shall move each child of a fork at once, whatever it is about to do
  bool in_domains = false;  // the program itself deals with another domain; natively it is told kNativeArgument
};

inline constexpr std::string_view kPictureArgument = "{picture}"; // a BMP file that make-bitmap made
inline constexpr std::size_t kPictureBytes = std::size_t{1} << 30;
inline constexpr std::size_t kQuickPictureBytes = std::size_t{128} << 20;
inline constexpr std::string_view kProbe = "sp-bench-probe"; // takes --quick too
inline constexpr std::string_view kQuickArgument = "--quick";
inline constexpr std::string_view kNativeArgument = "--native";

// A row that sp-bench-probe measures under the same name.
constexpr Measurement probe(std::string_view name, std::string_view unit, Better better, double accept, double aim) {
  return {name,          unit, better,          accept > 0 ? Judged::by_ratio : Judged::not_at_all,
          accept,        aim,  Source::printed, kProbe,
          {name, "", ""}};
}

// One about forks, all of which leave when it is their turn.
constexpr Measurement leaving(Measurement row) {
  row.forks_leave = true;
  return row;
}

constexpr Measurement between_domains(std::string_view name, std::string_view unit) {
  Measurement row = probe(name, unit, Better::lower, 0, 0);
  row.program = "sp-bench-domains";
  row.in_domains = true;
  return row;
}

inline constexpr std::array kMeasurements{
    // One call.
    probe("null-call", "ns", Better::lower, 1.20, 1.05),
    probe("null-call-remote", "ns", Better::lower, 1.20, 1.05),
    probe("pid-call", "ns", Better::lower, 0.30, 0.05),
    probe("futex-wake", "ns", Better::lower, 1.6, 0),
    // Threads.
    probe("thread-create-join", "us", Better::lower, 3.0, 1.5),
    probe("thread-create-join-local", "us", Better::lower, 0, 1.5),
    probe("semaphore-roundtrip", "us", Better::lower, 1.5, 0),
    probe("semaphore-roundtrip-free", "us", Better::lower, 0, 0),
    probe("mutex-contended", "ops/s", Better::higher, 0, 1.0),
    // Memory.
    probe("first-touch", "ns/page", Better::lower, 1.4, 0),
    probe("first-touch-default", "ns/page", Better::lower, 0, 0),
    probe("page-release", "ns/page", Better::lower, 0, 0),
    probe("churn-4k", "ops/s", Better::higher, 4, 7.5),
    probe("churn-64k", "ops/s", Better::higher, 5, 10),
    probe("churn-1m", "ops/s", Better::higher, 4, 9),
    probe("malloc-2", "ops/s", Better::higher, 0, 1.0),
    // Two threads in one call.
    probe("brk-2", "ops/s", Better::higher, 0, 1.0),
    probe("dup-2", "ops/s", Better::higher, 0, 1.0),
    probe("open-2", "ops/s", Better::higher, 0, 1.0),
    // Signals and processes.
    probe("signal-self", "us", Better::lower, 0, 1.05),
    probe("signal-cross", "us", Better::lower, 0, 1.0),
    probe("signal-cross-free", "us", Better::lower, 0, 0),
    probe("fork-exit-wait", "us", Better::lower, 0, 0),
    probe("spawn-wait", "us", Better::lower, 0, 0),
    Measurement{"true-start", "ms", Better::lower, Judged::by_difference, 6, 0, Source::wall_time, "/bin/true", {}},
    // A program.
    Measurement{"histogram",
                "s",
                Better::lower,
                Judged::by_ratio,
                1.15,
                1.0,
                Source::printed,
                kProbe,
                {"histogram", "--file", kPictureArgument}},
};

// On isolated nodes, where what is started by exec or spawn begins on the other one.
inline constexpr std::array kIsolatedMeasurements{
    Measurement{
        "message-roundtrip", "us", Better::lower, Judged::by_value, 1.0, 0.3, Source::printed, "sp-bench-message", {}},
    probe("signal-roundtrip", "us", Better::lower, 3.0, 1.0),
    probe("signal-self", "us", Better::lower, 1.3, 1.05),
    probe("pipe-roundtrip", "us", Better::lower, 2.0, 0),
    probe("pipe-moved", "us", Better::lower, 2.0, 0),
    probe("tcp-roundtrip", "us", Better::lower, 3.0, 1.2),
    probe("pread-4k", "us", Better::lower, 4.0, 0),
    probe("notified-read", "us", Better::lower, 0, 0),
    probe("notified-own-read", "us", Better::lower, 0, 0),
    probe("spawn-moved", "us", Better::lower, 1.5, 0),
    leaving(probe("fork-small", "us", Better::lower, 5.0, 1.5)),
    leaving(probe("fork-256m", "us", Better::lower, 3.0, 0)),
    leaving(probe("fork-24", "us", Better::lower, 0, 0)),
    probe("thread-create-join", "us", Better::lower, 4.0, 1.5),
    probe("semaphore-roundtrip", "us", Better::lower, 1.5, 0),
};

// Between two Xen domains, beside the ones above: what their rings and their memory are made of.
inline constexpr std::array kDomainMeasurements{
    between_domains("event-channel", "us"),
    between_domains("map-grants", "us/MiB"),
    between_domains("map-range", "us/MiB"),
};

// Whether a result is accepted; what is not judged always is.
constexpr bool accepted(const Measurement& row, double native, double superproc) {
  if (row.judged == Judged::not_at_all) return true;
  if (row.judged == Judged::by_difference) return superproc - native <= row.accept;
  if (row.judged == Judged::by_value) return superproc <= row.accept;
  if (!(native > 0)) return false;
  const double ratio = superproc / native;
  return row.better == Better::lower ? ratio <= row.accept : ratio >= row.accept;
}

} // namespace sp::bench
