// A key tells apart whatever could make another result.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "cache/cache.hpp"

namespace mediscan::cache {
namespace {

KeyParts parts() {
  KeyParts parts;
  parts.picture_sha256 = "picture";
  parts.picture_as = "turbo";
  parts.preprocess_sha256 = "recipe";
  parts.weights_sha256 = "weights";
  parts.manifest_sha256 = "manifest";
  parts.backend = "torch";
  parts.backend_version = "2.15.0";
  parts.device = "cpu";
  parts.precision = "fp32";
  return parts;
}

TEST_CASE("equal parts have equal keys of 64 hexadecimal digits") {
  const std::string key = key_of(parts());
  CHECK(key == key_of(parts()));
  CHECK(key.size() == 64);
  CHECK(key.find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("each part changes the key") {
  std::set<std::string> keys{key_of(parts())};
  const std::vector<std::string_view KeyParts::*> members{
      &KeyParts::picture_sha256,  &KeyParts::picture_as,      &KeyParts::preprocess_sha256,
      &KeyParts::weights_sha256,  &KeyParts::manifest_sha256, &KeyParts::backend,
      &KeyParts::backend_version, &KeyParts::device,          &KeyParts::precision};
  for (const auto member : members) {
    KeyParts changed = parts();
    changed.*member = "another";
    keys.insert(key_of(changed));
  }
  KeyParts changed = parts();
  changed.batch_invariant = true;
  keys.insert(key_of(changed));
  CHECK(keys.size() == members.size() + 2);
}

TEST_CASE("a byte that moves from one part to the next changes the key") {
  KeyParts left = parts(), right = parts();
  left.backend = "torch2";
  left.backend_version = ".15";
  right.backend = "torch";
  right.backend_version = "2.15";
  CHECK(key_of(left) != key_of(right));
  left.backend = "torch1:";  // nor does text that looks like the frame around a part help
  left.backend_version = "";
  right.backend = "torch";
  right.backend_version = "1:";
  CHECK(key_of(left) != key_of(right));
}

}  // namespace
}  // namespace mediscan::cache
