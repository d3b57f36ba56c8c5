// A result as the bytes that are kept in Redis: form, a seal over key and content, and the content as JSON. Whoever can
// write to that Redis is not trusted: with a key of ours, only what we sealed for this very key is read.
#pragma once

#include <cstddef>
#include <mediscan/result.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mediscan::cache {

inline constexpr std::size_t most_value_bytes = 1U << 20U;

/// Seals with HMAC-SHA-256 when it has a secret. Without one the seal is a plain SHA-256: it finds damage, not forgery,
/// and says so in the form, so that neither kind is taken for the other. Thread-safe.
class ValueSeal {
 public:
  explicit ValueSeal(std::string secret) : secret_(std::move(secret)) {}

  /// Throws INTERNAL when the result cannot be written as JSON or is larger than most_value_bytes.
  [[nodiscard]] std::string sealed(std::string_view key, const Result& result) const;

  /// Nothing when this is not what sealed() gave for this key with this secret.
  [[nodiscard]] std::optional<Result> opened(std::string_view key, std::string_view value) const;

 private:
  [[nodiscard]] std::string seal_of(std::string_view key, std::string_view content) const;

  std::string secret_;
};

}  // namespace mediscan::cache
