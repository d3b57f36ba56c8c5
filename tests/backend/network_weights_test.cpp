#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "backend/network/weights.hpp"
#include "errors.hpp"
#include "reference_network.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;
using test::error_of;

/// Weight files in memory.
class Files {
 public:
  void add(const std::string& name, std::string bytes) {
    names_.push_back(name);
    bytes_.push_back(std::move(bytes));
  }
  [[nodiscard]] std::vector<WeightsView> views(const std::string& format = "safetensors") const {
    std::vector<WeightsView> views;
    for (std::size_t i = 0; i < names_.size(); ++i)
      views.push_back({names_[i], format, "", std::as_bytes(std::span(bytes_[i]))});
    return views;
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::string> bytes_;
};

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST_CASE("F32, F16 and BF16 are read as the same float32 numbers") {
  Files files;
  files.add("w.safetensors",
            test::safetensors({{"single", "F32", {3}, bytes_of<float>({1.0F, -2.5F, 0.1F})},
                               {"half", "F16", {2, 2}, bytes_of<std::uint16_t>({0x3C00, 0xC100, 0x0001, 0x7BFF})},
                               {"brain", "BF16", {2}, bytes_of<std::uint16_t>({0x3F80, 0xC020})}}));
  Weights weights(files.views());
  CHECK(weights.take("single", {3}) == std::vector{1.0F, -2.5F, 0.1F});
  CHECK(weights.take("half", {2, 2}) == std::vector{1.0F, -2.5F, std::ldexp(1.0F, -24), 65504.0F});
  CHECK(weights.take("brain", {2}) == std::vector{1.0F, -2.5F});
  weights.check();  // must not throw: all of them were taken
}

TEST_CASE("every binary16 number has the value that IEEE 754 gives it") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 0x1F);
    const auto fraction = static_cast<double>(bits & 0x3FF);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    if (exponent == 31) {
      CHECK((fraction == 0 ? std::isinf(value) : std::isnan(value)));
    } else if (exponent == 0) {
      CHECK(value == sign * std::ldexp(fraction, -24));
    } else {
      CHECK(value == sign * std::ldexp(1024 + fraction, exponent - 25));
    }
  }
}

TEST_CASE("missing, misshapen, mistyped and left-over tensors are all named in one error") {
  Files files;
  files.add("w.safetensors", test::safetensors({{"shape", "F32", {2, 3}, std::string(24, '\0')},
                                                {"type", "I64", {1}, std::string(8, '\0')},
                                                {"bn.num_batches_tracked", "I64", {}, std::string(8, '\0')},
                                                {"extra", "F32", {1}, std::string(4, '\0')}}));
  Weights weights(files.views());
  CHECK(weights.take("absent", {4}).empty());
  CHECK(weights.take("shape", {3, 2}).empty());
  CHECK(weights.take("type", {1}).empty());
  const Error error = error_of([&] { weights.check(); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(contains(error.message(), "w.safetensors"));
  CHECK(contains(error.message(), "absent: missing, expected [4]"));
  CHECK(contains(error.message(), "shape: found shape [2, 3], expected [3, 2]"));
  CHECK(contains(error.message(), "type: found type I64, expected F32, F16 or BF16"));
  CHECK(contains(error.message(), "extra: found [1], not part of this architecture"));
  CHECK_FALSE(contains(error.message(), "num_batches_tracked"));
}

TEST_CASE("of a hundred faults twenty are named and the rest counted") {
  Weights weights({});
  for (int i = 0; i < 100; ++i) CHECK(weights.take("tensor" + std::to_string(i), {1}).empty());
  const Error error = error_of([&] { weights.check(); });
  CHECK(contains(error.message(), "tensor19: missing"));
  CHECK_FALSE(contains(error.message(), "tensor20"));
  CHECK(contains(error.message(), "and 80 more"));
}

TEST_CASE("a network's weights may lie in several files, but no tensor twice") {
  const std::string one = test::safetensors({{"a", "F32", {1}, bytes_of<float>({1})}});
  const std::string two = test::safetensors({{"b", "F32", {1}, bytes_of<float>({2})}});
  Files files;
  files.add("one.safetensors", one);
  files.add("two.safetensors", two);
  Weights weights(files.views());
  CHECK(weights.take("a", {1}) == std::vector{1.0F});
  CHECK(weights.take("b", {1}) == std::vector{2.0F});
  weights.check();
  files.add("three.safetensors", two);
  Weights twice(files.views());
  CHECK(twice.take("a", {1}).size() == 1);
  CHECK(twice.take("b", {1}).size() == 1);
  CHECK(contains(error_of([&] { twice.check(); }).message(), "b: in two.safetensors and again in three.safetensors"));
}

TEST_CASE("a weight format other than safetensors is UNSUPPORTED") {
  Files files;
  files.add("model.onnx", "anything");
  const auto views = files.views("onnx");
  const Error error = error_of([&] { const Weights weights(views); });
  CHECK(error.code() == ErrorCode::unsupported);
  CHECK(contains(error.message(), "model.onnx"));
}

}  // namespace
}  // namespace mediscan::backend::torch
