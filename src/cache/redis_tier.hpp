// The results in Redis: looked up by whoever asks, written by a thread in the background, left alone while the server
// is not well. Everything that goes wrong is counted and, seldom, logged; nothing is thrown. Thread-safe.
#pragma once

#include <chrono>
#include <mediscan/options.hpp>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "cache/memory_lru.hpp"
#include "metrics/metrics.hpp"

namespace mediscan::cache {

class RedisTier {
 public:
  /// Throws INVALID_ARGUMENT for an address that cannot be used, UNSUPPORTED in a library without hiredis.
  RedisTier(const CacheOptions& options, base::Log log, metrics::Metrics& counters);
  ~RedisTier();
  RedisTier(const RedisTier&) = delete;
  RedisTier& operator=(const RedisTier&) = delete;

  [[nodiscard]] SharedResult find(const std::string& key) noexcept;
  void store(const std::string& key, SharedResult result) noexcept;
  bool flush(std::chrono::milliseconds timeout) noexcept;
  [[nodiscard]] bool open() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mediscan::cache
