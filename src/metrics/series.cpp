#include "metrics/series.hpp"

#include <nlohmann/json.hpp>

#include "result/json_parts.hpp"

namespace mediscan::metrics {
namespace {

using prometheus::Histogram;

/// Steps of 2 to 2.5 from a mock's tenth of a millisecond to a minute, beyond which a job is lost to whoever waits.
const Histogram::BucketBoundaries second_bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
/// The buckets that batches are cut into (src/schedule/buckets.hpp), and those of a GPU.
const Histogram::BucketBoundaries batch_bounds{1, 2, 4, 8, 16, 32, 64};

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& registry, const char* name,
                                                      const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

const std::array<StageOfJob, stage_count> stages{{
    {"decode", &Timing::decode, &ModelMetrics::decode_seconds},
    {"preprocess", &Timing::preprocess, &ModelMetrics::preprocess_seconds},
    {"queue", &Timing::queue, &ModelMetrics::queue_seconds},
    {"inference", &Timing::inference, &ModelMetrics::inference_seconds},
    {"postprocess", &Timing::postprocess, &ModelMetrics::postprocess_seconds},
    {"total", &Timing::total, &ModelMetrics::total_seconds},
}};

Families::Families(prometheus::Registry& registry)
    : submitted(counters(registry, "mediscan_jobs_submitted_total", "Jobs accepted.")),
      jobs(
          counters(registry, "mediscan_jobs_total", "Jobs ended or refused, by outcome: OK or the code of the error.")),
      in_flight(prometheus::BuildGauge()
                    .Name("mediscan_jobs_in_flight")
                    .Help("Jobs accepted and not ended.")
                    .Register(registry)),
      stage_seconds(histograms(registry, "mediscan_stage_duration_seconds",
                               "Wall time of a job's stages; total is also that of failed jobs.")),
      batch_size(histograms(registry, "mediscan_batch_size", "Pictures that ran together, an observation a batch.")),
      loads(counters(registry, "mediscan_model_loads_total", "Loads of a model, by outcome: OK or FAILED.")),
      swaps(counters(registry, "mediscan_model_swaps_total", "Hot swaps, by outcome: switched or rolled_back.")),
      evictions(counters(registry, "mediscan_model_evictions_total", "Times a model left for the memory budget.")),
      cache_requests(counters(registry, "mediscan_cache_requests_total", "Look-ups and stores, by tier and outcome.")),
      cache_evictions(counters(registry, "mediscan_cache_evictions_total", "Results that left to make room.")) {}

CacheSeries::CacheSeries(Families& families) {
  const auto add = [&](CacheTier tier, const char* tier_name, CacheEvent event, const char* outcome) {
    counters.at(static_cast<std::size_t>(tier)).at(static_cast<std::size_t>(event)) =
        &families.cache_requests.Add({{"tier", tier_name}, {"outcome", outcome}});
  };
  add(CacheTier::memory, "memory", CacheEvent::hit, "hit");
  add(CacheTier::memory, "memory", CacheEvent::miss, "miss");
  add(CacheTier::redis, "redis", CacheEvent::hit, "hit");
  add(CacheTier::redis, "redis", CacheEvent::miss, "miss");
  add(CacheTier::redis, "redis", CacheEvent::error, "error");
  add(CacheTier::redis, "redis", CacheEvent::refused, "refused");
  add(CacheTier::redis, "redis", CacheEvent::skipped, "skipped");
  add(CacheTier::redis, "redis", CacheEvent::dropped, "dropped");
  counters.at(static_cast<std::size_t>(CacheTier::memory)).at(static_cast<std::size_t>(CacheEvent::evicted)) =
      &families.cache_evictions.Add({{"tier", "memory"}});
}

prometheus::Counter* CacheSeries::of(CacheTier tier, CacheEvent event) const noexcept {
  const auto row = static_cast<std::size_t>(tier);
  const auto column = static_cast<std::size_t>(event);
  return row < counters.size() && column < counters[row].size() ? counters[row][column] : nullptr;
}

ModelCounters::Impl::Impl(Families& families, const std::string& model)
    : submitted(families.submitted.Add({{"model", model}})),
      succeeded(families.jobs.Add({{"model", model}, {"outcome", "OK"}})),
      in_flight(families.in_flight.Add({{"model", model}})),
      batch_size(families.batch_size.Add({{"model", model}}, batch_bounds)),
      loaded(families.loads.Add({{"model", model}, {"outcome", "OK"}})),
      load_failed(families.loads.Add({{"model", model}, {"outcome", "FAILED"}})),
      switched(families.swaps.Add({{"model", model}, {"outcome", "switched"}})),
      rolled_back(families.swaps.Add({{"model", model}, {"outcome", "rolled_back"}})),
      evicted(families.evictions.Add({{"model", model}})) {
  // All codes at once: a first failure then is a step from 0 to 1, which rate() sees, and counting one cannot fail.
  const auto unknown = name_of(static_cast<ErrorCode>(0));
  for (std::size_t number = 0; number < code_slots; ++number) {
    const auto name = name_of(static_cast<ErrorCode>(number));
    if (number != 0 && name == unknown) continue;
    by_code.at(number) = &families.jobs.Add({{"model", model}, {"outcome", std::string(name)}});
  }
  for (std::size_t i = 0; i < stage_count; ++i) {
    stage_seconds.at(i) = &families.stage_seconds.Add({{"model", model}, {"stage", stages.at(i).name}}, second_bounds);
  }
}

prometheus::Counter& ModelCounters::Impl::failed(ErrorCode code) const noexcept {
  const auto number = static_cast<std::size_t>(static_cast<std::uint32_t>(code));
  const bool known = number < code_slots && by_code[number] != nullptr;
  return *by_code[known ? number : 0];
}

std::string label_text(std::string_view bytes) {
  // The JSON writer's replacement is one that a test of the result room pins; reading it back undoes its quoting.
  return nlohmann::json::parse(result::text_of(result::Json(bytes), -1)).get<std::string>();
}

}  // namespace mediscan::metrics
