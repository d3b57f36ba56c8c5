#include "schedule/buckets.hpp"

namespace mediscan::schedule {

std::vector<std::uint32_t> batch_buckets(std::uint32_t max_batch) {
  std::vector<std::uint32_t> buckets;
  for (std::uint32_t size = 1; size < max_batch; size *= 2) buckets.push_back(size);
  buckets.push_back(max_batch);
  return buckets;
}

std::uint32_t next_batch(const std::vector<std::uint32_t>& buckets, std::size_t waiting) {
  std::uint32_t best = buckets.front();
  for (const std::uint32_t size : buckets) {
    if (size <= waiting) best = size;
  }
  return best;
}

std::uint32_t smallest_that_holds(const std::vector<std::uint32_t>& buckets, std::size_t waiting) {
  for (const std::uint32_t size : buckets) {
    if (size >= waiting) return size;
  }
  return buckets.back();
}

}  // namespace mediscan::schedule
