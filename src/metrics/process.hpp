// What the system knows about this process, from /proc. Zero stands for what cannot be read.
#pragma once

#include <filesystem>
#include <mediscan/metrics.hpp>

namespace mediscan::metrics {

/// `proc` is for tests.
ProcessMetrics process_metrics(const std::filesystem::path& proc = "/proc/self");

}  // namespace mediscan::metrics
