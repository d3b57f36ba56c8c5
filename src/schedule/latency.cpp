#include "schedule/latency.hpp"

#include <cmath>

namespace mediscan::schedule {

LatencyModel::LatencyModel(const std::vector<std::uint32_t>& buckets) {
  for (const std::uint32_t bucket : buckets) entries_.push_back({bucket, {}, {}, 0});
}

const LatencyModel::Entry* LatencyModel::find(std::uint32_t batch) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.batch == batch) return &entry;
  }
  return nullptr;
}

void LatencyModel::seed(std::uint32_t batch, Duration took) noexcept {
  for (Entry& entry : entries_) {
    if (entry.batch == batch && entry.samples == 0) entry.mean = took;
  }
}

void LatencyModel::observe(std::uint32_t batch, Duration took) noexcept {
  for (Entry& entry : entries_) {
    if (entry.batch != batch) continue;
    if (entry.samples++ == 0) {
      entry.mean = took;
      entry.deviation = took / 8;
    } else {
      const Duration error = took - entry.mean;
      entry.mean += error / 8;
      entry.deviation += (Duration(std::abs(error.count())) - entry.deviation) / 4;
    }
  }
}

LatencyModel::Duration LatencyModel::expected(std::uint32_t batch) const noexcept {
  const Entry* entry = find(batch);
  if (entry == nullptr) return {};
  return entry->samples == 0 ? entry->mean / 2 : entry->mean + 2 * entry->deviation;
}

LatencyModel::Duration LatencyModel::mean(std::uint32_t batch) const noexcept {
  const Entry* entry = find(batch);
  if (entry == nullptr) return {};
  return entry->samples == 0 ? entry->mean / 2 : entry->mean;
}

LatencyModel::Duration LatencyModel::per_picture() const noexcept {
  Duration known{};
  for (const Entry& entry : entries_) {
    if (entry.mean.count() > 0) known = mean(entry.batch) / entry.batch;
  }
  return known;
}

}  // namespace mediscan::schedule
