#include "metrics/text.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mediscan/result.hpp>
#include <utility>

#include "metrics/series.hpp"

namespace mediscan::metrics {
namespace {

using Label = prometheus::ClientMetric::Label;
using Families = std::vector<prometheus::MetricFamily>;

prometheus::MetricFamily& gauge(Families& families, const char* name, const char* help) {
  return families.emplace_back(prometheus::MetricFamily{name, help, prometheus::MetricType::Gauge, {}});
}

template <class Number>
void add(prometheus::MetricFamily& family, Number value, std::vector<Label> labels = {}) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = static_cast<double>(value);
  family.metric.push_back(std::move(metric));
}

void add_models(Families& families, const std::vector<ModelMetrics>& models) {
  auto& queued = gauge(families, "mediscan_jobs_queued", "Jobs prepared and waiting for the model's lane.");
  for (const auto& model : models) add(queued, model.queued, {{"model", model.model}});
  auto& memory = gauge(families, "mediscan_model_memory_bytes", "Memory that a loaded model takes; 0 when unloaded.");
  for (const auto& model : models) add(memory, model.memory_bytes, {{"model", model.model}});
}

void add_cache(Families& families, const CacheMetrics& cache) {
  add(gauge(families, "mediscan_cache_memory_bytes", "Memory that cached results take."), cache.memory_bytes);
  add(gauge(families, "mediscan_redis_circuit_open", "1 while Redis is not asked because it failed."),
      cache.redis_open ? 1 : 0);
}

void add_process(Families& families, const ProcessMetrics& process) {
  add(gauge(families, "process_resident_memory_bytes", "Resident memory size in bytes."), process.resident_bytes);
  add(gauge(families, "process_open_fds", "Number of open file descriptors."), process.open_files);
  add(gauge(families, "process_threads", "Number of threads."), process.threads);
  add(gauge(families, "mediscan_build_info", "The library's version; the value is always 1."), 1,
      {{"version", library_version()}});
}

void add_gpus(Families& families, const std::vector<GpuMetrics>& gpus) {
  if (gpus.empty()) return;
  const auto labels = [](const GpuMetrics& gpu) {
    return std::vector<Label>{{"gpu", gpu.gpu}, {"name", label_text(gpu.name)}};
  };
  auto& utilization = gauge(families, "mediscan_gpu_utilization_ratio",
                            "Share of the last sample period in which the GPU ran a kernel, of any process.");
  for (const auto& gpu : gpus) add(utilization, gpu.utilization, labels(gpu));
  auto& used = gauge(families, "mediscan_gpu_memory_used_bytes", "GPU memory in use, by any process.");
  for (const auto& gpu : gpus) add(used, gpu.memory_used_bytes, labels(gpu));
  auto& total = gauge(families, "mediscan_gpu_memory_total_bytes", "GPU memory there is.");
  for (const auto& gpu : gpus) add(total, gpu.memory_total_bytes, labels(gpu));
}

/// The registry keeps its series in hash order; a text that can be compared keeps the same one every time.
void sort(Families& families) {
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
  }
}

}  // namespace

std::string prometheus_text(std::vector<prometheus::MetricFamily> counted, const MetricsSnapshot& snapshot) {
  add_models(counted, snapshot.models);
  add_cache(counted, snapshot.cache);
  add_process(counted, snapshot.process);
  add_gpus(counted, snapshot.gpus);
  sort(counted);
  return prometheus::TextSerializer().Serialize(counted);
}

}  // namespace mediscan::metrics
