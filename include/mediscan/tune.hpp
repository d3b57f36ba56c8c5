// Finds out which backend, precision, lanes and batch size serve a bundle fastest on this machine, and writes a profile
// that loads go by. docs/tune.md has the method.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan {

MEDISCAN_API std::string_view name_of(TuneGoal goal) noexcept;  ///< "latency", "throughput"

/// What tune is doing, and how much of that is done, 0 to 1. Called on the thread that called tune.
using TuneProgress = std::function<void(std::string_view phase, double done)>;

struct TuneOptions {
  TuneGoal goal = TuneGoal::latency;  ///< what the profile is to make best; a report has both choices
  double seconds = 20;                ///< of measuring, 0.1 to 3600; loading comes on top, and one round is always made
  std::string backend = "auto";       ///< "auto": every real one; or a registered backend's name
  int max_batch = 8;                  ///< largest batch size tried, 1 to 64: 1, 2, 4, ... up to it
  int max_lanes = 8;                  ///< most lanes tried, 1 to 64, and never more than the thread budget
  int threads = 0;                    ///< as ManagerOptions::threads
  std::filesystem::path libtorch;     ///< as ManagerOptions::libtorch
  /// The file to write; its folder must exist. Empty: the default place, which is made. See docs/tune.md.
  std::filesystem::path profile;
  bool write_profile = true;
  TuneProgress progress;
};

/// How a bundle may be run. Empty and 0 where a refusal does not depend on it.
struct TuneConfiguration {
  std::string backend;
  std::string backend_version;
  bool simulated = false;
  std::string device;
  std::string precision;
  int lanes = 0;
  int threads = 0;  ///< of each lane
};

/// What was measured of a configuration that serves: it opened, and its logits passed the bundle's self-test at every
/// batch size. Medians.
struct TuneRow {
  TuneConfiguration configuration;
  std::uint32_t batch_size = 0;
  double latency_ms = 0;  ///< of the network on one picture while nothing else runs: the same for every batch size
  double pictures_per_second = 0;  ///< of the network when all lanes run batches of this size
};

/// A configuration that does not serve, and why: not on this machine, not allowed by the bundle, refused by the gate.
struct TuneRefusal {
  TuneConfiguration configuration;
  Error error;
};

struct TuneReport {
  std::filesystem::path directory;  ///< of the bundle
  ModelRecord model;
  std::string library_version;
  std::string cpu;                        ///< as the kernel names it
  std::vector<std::string> cpu_features;  ///< of "avx2", "bf16", "vnni"
  int threads = 0;                        ///< the budget
  std::string threads_source;             ///< as in SystemReport
  double load_average = 0;                ///< of the machine in the minute before; near 0 when nothing else ran
  std::string made;                       ///< UTC, "2026-01-31T12:00:00Z"
  double seconds = 0;                     ///< that measuring took
  std::uint32_t rounds = 0;
  TuneGoal goal = TuneGoal::latency;
  std::vector<TuneRow> rows;  ///< at least one
  std::vector<TuneRefusal> refused;
  std::size_t best_latency = 0;     ///< of `rows`: what a load with everything left open takes for latency
  std::size_t best_throughput = 0;  ///< and for throughput
  std::filesystem::path profile;    ///< what was written; empty when it was not to be
};

/// Loads the bundle in every configuration that this machine and the bundle have, side by side, and times them in
/// turns: each round gives each configuration and batch size its time, forwards and backwards by turns, so that what
/// else the machine does meets all alike. Only the network is timed, on the bundle's own self-test picture: decoding
/// and preprocessing are the same for all. Then writes the profile, whole or not at all.
///
/// Throws INVALID_ARGUMENT (an option out of range), what reading the bundle throws, NOT_FOUND (a backend nobody
/// registered), the reason when no configuration serves, IO_ERROR (the profile cannot be written). Every configuration
/// is in memory at once. Nothing else should run meanwhile. Thread-safe.
MEDISCAN_API TuneReport tune(const std::filesystem::path& bundle, const TuneOptions& options = {});

/// JSON text of a report, as Result's.
MEDISCAN_API std::string to_json(const TuneReport& report, int indent = -1);

}  // namespace mediscan
