// One registry a manager, the models' counters over it, and the snapshot that is read back from the very same series.
#include "metrics/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>

#include "metrics/nvml.hpp"
#include "metrics/process.hpp"
#include "metrics/series.hpp"
#include "metrics/text.hpp"

namespace mediscan::metrics {
namespace {

/// Counts are kept as doubles, exact up to 2^53.
std::uint64_t whole(double value) noexcept { return value > 0 ? static_cast<std::uint64_t>(std::llround(value)) : 0; }

std::uint64_t value_of(const prometheus::Counter& counter) { return whole(counter.Value()); }

/// The registry's buckets are cumulative and end with infinity; ours are neither.
mediscan::Histogram histogram_of(const prometheus::Histogram& series) {
  const auto collected = series.Collect().histogram;
  mediscan::Histogram histogram;
  std::uint64_t below = 0;
  for (const auto& bucket : collected.bucket) {
    if (std::isfinite(bucket.upper_bound)) histogram.bounds.push_back(bucket.upper_bound);
    histogram.counts.push_back(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
  }
  histogram.count = collected.sample_count;
  histogram.sum = collected.sample_sum;
  return histogram;
}

ModelMetrics metrics_of(const std::string& name, const ModelCounters::Impl& series) {
  ModelMetrics model;
  model.model = name;
  model.submitted = value_of(series.submitted);
  model.succeeded = value_of(series.succeeded);
  for (std::size_t number = 0; number < code_slots; ++number) {
    const auto* const counter = series.by_code.at(number);
    const auto count = counter == nullptr ? 0 : value_of(*counter);
    if (count != 0) model.errors.emplace_back(name_of(static_cast<ErrorCode>(number)), count);
  }
  model.in_flight = whole(series.in_flight.Value());
  model.loads = value_of(series.loaded);
  model.load_failures = value_of(series.load_failed);
  model.swaps = value_of(series.switched);
  model.rollbacks = value_of(series.rolled_back);
  model.evictions = value_of(series.evicted);
  for (std::size_t i = 0; i < stage_count; ++i) {
    model.*stages.at(i).seconds = histogram_of(*series.stage_seconds.at(i));
  }
  model.batch_size = histogram_of(series.batch_size);
  return model;
}

CacheMetrics metrics_of(const CacheSeries& series) {
  const auto count = [&](CacheTier tier, CacheEvent event) { return value_of(*series.of(tier, event)); };
  CacheMetrics cache;
  cache.memory_hits = count(CacheTier::memory, CacheEvent::hit);
  cache.memory_misses = count(CacheTier::memory, CacheEvent::miss);
  cache.memory_evictions = count(CacheTier::memory, CacheEvent::evicted);
  cache.redis_hits = count(CacheTier::redis, CacheEvent::hit);
  cache.redis_misses = count(CacheTier::redis, CacheEvent::miss);
  cache.redis_errors = count(CacheTier::redis, CacheEvent::error);
  cache.redis_refused = count(CacheTier::redis, CacheEvent::refused);
  cache.redis_skipped = count(CacheTier::redis, CacheEvent::skipped);
  cache.redis_dropped = count(CacheTier::redis, CacheEvent::dropped);
  return cache;
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Families families{registry};
  CacheSeries cache{families};
  mutable std::mutex mutex;  ///< of `models`
  std::map<std::string, std::unique_ptr<ModelCounters>, std::less<>> models;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

ModelCounters& Metrics::model(std::string_view name) {
  const auto label = label_text(name);
  const std::scoped_lock lock(impl_->mutex);
  auto& counters = impl_->models[label];
  if (!counters) {
    counters = std::make_unique<ModelCounters>(std::make_unique<ModelCounters::Impl>(impl_->families, label));
  }
  return *counters;
}

void Metrics::cache(CacheTier tier, CacheEvent event) noexcept {
  if (auto* const counter = impl_->cache.of(tier, event)) counter->Increment();
}

MetricsSnapshot Metrics::snapshot(const Gauges& gauges) const {
  std::map<std::string, ModelMetrics, std::less<>> models;
  {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& [name, counters] : impl_->models) models[name] = metrics_of(name, counters->impl());
  }
  for (const auto& gauge : gauges.models) {
    const auto name = label_text(gauge.model);
    auto& model = models[name];
    model.model = name;
    model.queued += gauge.queued;
    model.memory_bytes += gauge.memory_bytes;
  }
  MetricsSnapshot snapshot;
  for (auto& [name, model] : models) snapshot.models.push_back(std::move(model));
  snapshot.cache = metrics_of(impl_->cache);
  snapshot.cache.memory_bytes = gauges.cache_memory_bytes;
  snapshot.cache.redis_open = gauges.redis_open;
  snapshot.process = process_metrics();
  snapshot.gpus = gpu_metrics();
  return snapshot;
}

std::string Metrics::prometheus(const Gauges& gauges) const {
  return prometheus_text(impl_->registry.Collect(), snapshot(gauges));
}

}  // namespace mediscan::metrics
