// Parts to key. The order and the lengths are in the digest, so that no two sets of parts run into the same bytes.
#include <fmt/format.h>

#include <array>

#include "base/hash.hpp"
#include "cache/cache.hpp"
#include "cache/stored_form.hpp"

namespace mediscan::cache {

std::string key_of(const KeyParts& parts) {
  const std::string version = library_version();  // another version may decode or round otherwise
  const std::array<std::string_view, 12> all = {
      stored_form,
      version,
      parts.picture_sha256,
      parts.picture_as,
      parts.preprocess_sha256,
      parts.weights_sha256,
      parts.manifest_sha256,
      parts.backend,
      parts.backend_version,
      parts.device,
      parts.precision,
      parts.batch_invariant ? "invariant" : "batched",
  };
  std::string bytes;
  for (const auto part : all) fmt::format_to(std::back_inserter(bytes), "{}:{}", part.size(), part);
  return base::sha256_hex(bytes);
}

}  // namespace mediscan::cache
