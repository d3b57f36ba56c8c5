// What this library finds on this machine: backends and where they were looked for, devices, decoders, threads, memory.
#pragma once

#include <mediscan/backend.hpp>
#include <mediscan/export.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/options.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mediscan {

struct SystemReport {
  std::string library_version;
  std::string simd;                   ///< see simd_level()
  std::vector<std::string> decoders;  ///< e.g. "libjpeg-turbo 2.1.5", "libpng 1.6.39", "stb_image 2.30"
  int threads = 0;                    ///< the thread budget
  std::string threads_source;         ///< "option", "MEDISCAN_THREADS", "cgroup quota", "affinity"
  std::uint64_t resident_bytes = 0;   ///< of this process
  std::vector<BackendInfo> backends;  ///< in the order `auto` tries them
};

/// Probes every registered backend; opening a runtime for the first time takes a fraction of a second. Never throws for
/// a backend that cannot be used: the reason stands in its BackendInfo.
MEDISCAN_API SystemReport system_report(const ManagerOptions& options = {});

MEDISCAN_API std::string to_json(const SystemReport& report, int indent = -1);
MEDISCAN_API std::string to_json(const ModelStatus& status, int indent = -1);
MEDISCAN_API std::string to_json(const EngineStatus& status, int indent = -1);
MEDISCAN_API std::string to_json(const Bundle& bundle, int indent = -1);
/// Everything known of a decoded picture but its pixels.
MEDISCAN_API std::string to_json(const Image& image, int indent = -1);

}  // namespace mediscan
