// The families that a registry holds, and the series of one model among them, resolved once: counting looks nothing up.
// Names, help and labels of what only grows are all here; gauges of the moment are in text.cpp.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <mediscan/error.hpp>
#include <mediscan/metrics.hpp>
#include <mediscan/result.hpp>
#include <string>
#include <string_view>

#include "metrics/metrics.hpp"

namespace mediscan::metrics {

/// A step of a job's way, its label and where Timing has it.
struct StageOfJob {
  const char* name;
  double Timing::*milliseconds;
  mediscan::Histogram ModelMetrics::*seconds;
};
inline constexpr std::size_t stage_count = 6;
extern const std::array<StageOfJob, stage_count> stages;  ///< `total` is the last

/// Error codes are 10 to 90 today (error.hpp): the series of a code stands at its number, of any other number at 0.
inline constexpr std::size_t code_slots = 100;

struct Families {
  explicit Families(prometheus::Registry& registry);

  prometheus::Family<prometheus::Counter>& submitted;
  prometheus::Family<prometheus::Counter>& jobs;
  prometheus::Family<prometheus::Gauge>& in_flight;
  prometheus::Family<prometheus::Histogram>& stage_seconds;
  prometheus::Family<prometheus::Histogram>& batch_size;
  prometheus::Family<prometheus::Counter>& loads;
  prometheus::Family<prometheus::Counter>& swaps;
  prometheus::Family<prometheus::Counter>& evictions;
  prometheus::Family<prometheus::Counter>& cache_requests;
  prometheus::Family<prometheus::Counter>& cache_evictions;
};

/// The series of the cache. Null where a tier has no such event.
struct CacheSeries {
  explicit CacheSeries(Families& families);
  [[nodiscard]] prometheus::Counter* of(CacheTier tier, CacheEvent event) const noexcept;

  std::array<std::array<prometheus::Counter*, 7>, 2> counters{};
};

/// The series of one model. The registry owns them; they live as long as it does.
struct ModelCounters::Impl {
  /// `model` must be text that label_text() gave.
  Impl(Families& families, const std::string& model);

  [[nodiscard]] prometheus::Counter& failed(ErrorCode code) const noexcept;

  prometheus::Counter& submitted;
  prometheus::Counter& succeeded;
  prometheus::Gauge& in_flight;
  std::array<prometheus::Counter*, code_slots> by_code{};
  std::array<prometheus::Histogram*, stage_count> stage_seconds{};
  prometheus::Histogram& batch_size;
  prometheus::Counter& loaded;
  prometheus::Counter& load_failed;
  prometheus::Counter& switched;
  prometheus::Counter& rolled_back;
  prometheus::Counter& evicted;
};

/// A label's value from any bytes: what is no UTF-8 becomes U+FFFD, since Prometheus refuses a whole scrape for it.
std::string label_text(std::string_view bytes);

}  // namespace mediscan::metrics
