#include "bundle/safetensors_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <mediscan/error.hpp>
#include <vector>

#include "errors.hpp"

namespace mediscan::bundle {

using test::error_of;

TEST_CASE("what is written is read back, aligned to its type") {
  const std::vector<float> floats = {1.5F, -2.25F};
  const std::vector<std::int8_t> whole = {-127, 0, 127};
  const std::vector<std::uint8_t> bytes = {255};
  const auto file =
      write_safetensors({StoredTensor::of("odd.first", {3}, std::span<const std::int8_t>(whole)),
                         StoredTensor::of("z \"quoted\" \xC3\xA9", {1}, std::span<const std::uint8_t>(bytes)),
                         StoredTensor::of("floats", {1, 2}, std::span<const float>(floats)),
                         StoredTensor::of("nothing", {0}, std::span<const float>())},
                        {{"format", "pt"}});
  const auto parsed = Safetensors::parse(file, "made.safetensors");
  CHECK(parsed.metadata().at("format") == "pt");
  REQUIRE(parsed.tensors().size() == 4);
  const TensorEntry* found = parsed.find("floats");
  REQUIRE(found != nullptr);
  CHECK(found->dtype == Dtype::f32);
  CHECK(found->shape == std::vector<std::int64_t>{1, 2});
  CHECK(std::memcmp(found->bytes.data(), floats.data(), 8) == 0);
  CHECK((found->bytes.data() - file.data()) % 4 == 0);
  const TensorEntry* odd = parsed.find("odd.first");
  REQUIRE(odd != nullptr);
  CHECK(odd->dtype == Dtype::i8);
  CHECK(std::memcmp(odd->bytes.data(), whole.data(), 3) == 0);
  REQUIRE(parsed.find("z \"quoted\" \xC3\xA9") != nullptr);
  CHECK(std::to_integer<int>(parsed.find("z \"quoted\" \xC3\xA9")->bytes.front()) == 255);
}

TEST_CASE("a file without tensors is a file") {
  CHECK(Safetensors::parse(write_safetensors({}), "empty.safetensors").tensors().empty());
}

TEST_CASE("a name that stands twice and bytes that do not fill their shape are refused") {
  const std::vector<float> two = {1, 2};
  const auto tensor = [&](std::vector<std::int64_t> shape) {
    return StoredTensor::of("t", std::move(shape), std::span<const float>(two));
  };
  CHECK(error_of([&] { (void)write_safetensors({tensor({2}), tensor({2})}); }).code() == ErrorCode::invalid_argument);
  CHECK(error_of([&] { (void)write_safetensors({tensor({3})}); }).code() == ErrorCode::invalid_argument);
}

}  // namespace mediscan::bundle
