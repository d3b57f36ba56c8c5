// Results of pictures analysed before: in this process, and in a Redis shared with others. Asked once before the line
// and told once after it. It always fails open: no call of it throws, and none waits longer than Redis' time-outs.
#pragma once

#include <mediscan/options.hpp>
#include <mediscan/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "metrics/metrics.hpp"

namespace mediscan::cache {

/// Everything a result depends on. Two analyses with equal parts give the same findings.
struct KeyParts {
  std::string_view picture_sha256;  ///< of the encoded bytes, or of packed pixels
  std::string_view picture_as;      ///< how they became pixels: decoder, orientation, size of raw pixels
  std::string_view preprocess_sha256;
  std::string_view weights_sha256;
  std::string_view manifest_sha256;  ///< labels, thresholds, activation
  std::string_view backend;
  std::string_view backend_version;
  std::string_view device;
  std::string_view precision;
  bool batch_invariant = false;
};

/// SHA-256, hex, over the parts, each preceded by its length, and the version of the stored form.
std::string key_of(const KeyParts& parts);

struct Status {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_entries = 0;
  bool redis = false;       ///< one is configured
  bool redis_open = false;  ///< the circuit breaker is open
};

class Cache {
 public:
  /// Connects to nothing yet. Throws INVALID_ARGUMENT (an address or HMAC key that cannot be used, a limit out of
  /// range), UNSUPPORTED (a Redis asked of a library built without hiredis). Logs a warning for a Redis without an HMAC
  /// key. `counters` must outlive it.
  Cache(const CacheOptions& options, base::Log log, metrics::Metrics& counters);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// False when nothing is to be cached: neither find nor store need be called.
  [[nodiscard]] bool enabled() const noexcept;

  /// The result stored under this key, as it was stored (the caller marks it `cached` and gives it its name and times).
  /// Memory first, then Redis, whose hits go into memory. May be called from any thread; from Redis it may take
  /// connect_timeout + operation_timeout.
  [[nodiscard]] std::optional<Result> find(const std::string& key) noexcept;

  /// Keeps a result. Returns at once: Redis is written by a thread of its own, and what it cannot keep up with is
  /// dropped and counted.
  void store(const std::string& key, const Result& result) noexcept;

  /// Waits until what was stored has been written or given up, at most this long; for tests and shut-down.
  bool flush(std::chrono::milliseconds timeout) noexcept;

  [[nodiscard]] Status status() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mediscan::cache
