// The numbers of a manager at work, as JSON.
#include <mediscan/metrics.hpp>

#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

Json histogram_json(const Histogram& histogram) {
  return {{"count", histogram.count},
          {"sum", finite_or_null(histogram.sum)},
          {"bounds", histogram.bounds},
          {"counts", histogram.counts}};
}

/// With the quantiles that people ask for.
Json times_json(const Histogram& histogram) {
  Json json = histogram_json(histogram);
  json["p50"] = finite_or_null(histogram.quantile(0.50));
  json["p90"] = finite_or_null(histogram.quantile(0.90));
  json["p99"] = finite_or_null(histogram.quantile(0.99));
  return json;
}

Json errors_json(const std::vector<std::pair<std::string, std::uint64_t>>& errors) {
  Json object = Json::object();
  for (const auto& [code, count] : errors) object[code] = count;
  return object;
}

Json seconds_json(const ModelMetrics& model) {
  return {{"decode", times_json(model.decode_seconds)},
          {"preprocess", times_json(model.preprocess_seconds)},
          {"queue", times_json(model.queue_seconds)},
          {"inference", times_json(model.inference_seconds)},
          {"postprocess", times_json(model.postprocess_seconds)},
          {"total", times_json(model.total_seconds)}};
}

Json model_metrics_json(const ModelMetrics& model) {
  return {{"model", model.model},
          {"submitted", model.submitted},
          {"succeeded", model.succeeded},
          {"errors", errors_json(model.errors)},
          {"in_flight", model.in_flight},
          {"queued", model.queued},
          {"memory_bytes", model.memory_bytes},
          {"loads", model.loads},
          {"load_failures", model.load_failures},
          {"swaps", model.swaps},
          {"rollbacks", model.rollbacks},
          {"evictions", model.evictions},
          {"seconds", seconds_json(model)},
          {"batch_size", histogram_json(model.batch_size)}};
}

Json cache_json(const CacheMetrics& cache) {
  return {{"memory",
           {{"hits", cache.memory_hits},
            {"misses", cache.memory_misses},
            {"evictions", cache.memory_evictions},
            {"bytes", cache.memory_bytes}}},
          {"redis",
           {{"hits", cache.redis_hits},
            {"misses", cache.redis_misses},
            {"errors", cache.redis_errors},
            {"refused", cache.redis_refused},
            {"skipped", cache.redis_skipped},
            {"dropped", cache.redis_dropped},
            {"open", cache.redis_open}}}};
}

Json gpu_json(const GpuMetrics& gpu) {
  return {{"gpu", gpu.gpu},
          {"name", gpu.name},
          {"utilization", finite_or_null(gpu.utilization)},
          {"memory_used_bytes", gpu.memory_used_bytes},
          {"memory_total_bytes", gpu.memory_total_bytes}};
}

}  // namespace
}  // namespace result

std::string to_json(const MetricsSnapshot& snapshot, int indent) {
  result::Json json = result::Json::object();
  json["models"] = result::Json::array();
  for (const auto& model : snapshot.models) json["models"].push_back(result::model_metrics_json(model));
  json["cache"] = result::cache_json(snapshot.cache);
  json["process"] = {{"resident_bytes", snapshot.process.resident_bytes},
                     {"open_files", snapshot.process.open_files},
                     {"threads", snapshot.process.threads}};
  json["gpus"] = result::Json::array();
  for (const auto& gpu : snapshot.gpus) json["gpus"].push_back(result::gpu_json(gpu));
  return result::text_of(json, indent);
}

}  // namespace mediscan
