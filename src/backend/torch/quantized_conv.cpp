#include "backend/torch/quantized_conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "backend/torch/packing.hpp"

namespace mediscan::backend::torch {

using namespace std::string_view_literals;

namespace {

/// v / 2, halves to even: -127 to 127 become -64 to 64.
std::int8_t halved(std::int8_t value) { return static_cast<std::int8_t>(std::nearbyint(value / 2.0)); }

}  // namespace

QuantizedConv::QuantizedConv(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives)
    : shape_(shape),
      gives_(gives),
      output_(gives == Gives::bytes ? weights.take_quantization(name) : Quantization{}),
      plain_(weights.take_int8(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel})),
      scales_(weights.take(name + ".weight_scale", {shape.out})),
      bias_(weights.take(name + ".bias", {shape.out})),
      zero_points_(static_cast<std::size_t>(shape.out), 0) {
  if (std::ranges::any_of(scales_, [](float scale) { return !(scale > 0); })) {
    weights.fault(fmt::format("{}.weight_scale: holds values that are not over 0", name));
  }
}

// vpmaddubsw, which stands in for VNNI on older CPUs, adds two products of u8 and s8 in 16 bits and saturates: with
// weights within 64, 2 x 255 x 64 = 32640 fits into them. fbgemm's reduce_range does the same.
Extent QuantizedConv::pack(const Target& target, Extent input, const Quantization& of_input) {
  input_ = of_input;
  if (target.narrow_weights) {
    std::ranges::transform(plain_, plain_.begin(), halved);
    for (float& scale : scales_) scale *= 2;
  }
  const Functions& lib = libtorch();
  const std::array sizes{shape_.out, shape_.in, shape_.kernel, shape_.kernel};
  const std::array strides{shape_.in * shape_.kernel * shape_.kernel, shape_.kernel * shape_.kernel, shape_.kernel,
                           std::int64_t{1}};
  const std::array<std::int64_t, 1> outputs{shape_.out};
  const std::array<std::int64_t, 1> one{1};
  const Tensor plain = Tensor::view(lib.aoti_torch_dtype_int8(), plain_.data(), sizes, strides);
  scales_view_ = Tensor::view(scales_.data(), outputs);
  bias_view_ = Tensor::view(bias_.data(), outputs);
  zero_points_view_ = Tensor::view(lib.aoti_torch_dtype_int64(), zero_points_.data(), outputs, one);
  for (const std::int64_t batch : target.batches) {
    const std::array<std::int64_t, 4> pictures{batch, shape_.in, input.height, input.width};
    Tensor weight =
        call("onednn::qconv_prepack", "", plain, scales_view_, double{input_.scale}, std::int64_t{input_.zero_point},
             Ints{shape_.stride, shape_.stride}, Ints{shape_.padding, shape_.padding}, Ints{1, 1}, std::int64_t{1},
             Some{std::span<const std::int64_t>(pictures)});
    if (packed_.empty() || !same_packing(weight, packed_.back().weight)) packed_.push_back({batch, std::move(weight)});
  }
  plain_ = {};
  return input.after(shape_.kernel, shape_.stride, shape_.padding);
}

const Tensor& QuantizedConv::weight_for(const Tensor& input) const {
  const std::int64_t batch = input.sizes().front();
  const Packed* best = &packed_.front();
  for (const Packed& packed : packed_) {
    if (packed.batch <= batch) best = &packed;
  }
  return best->weight;
}

Tensor QuantizedConv::operator()(const Tensor& input, Activation activation) const {
  const Functions& lib = libtorch();
  const std::int64_t type = gives_ == Gives::bytes ? lib.aoti_torch_dtype_uint8() : lib.aoti_torch_dtype_float32();
  return call("onednn::qconv2d_pointwise", "", input, double{input_.scale}, std::int64_t{input_.zero_point},
              weight_for(input), scales_view_, zero_points_view_, Some{bias_view_}, Ints{shape_.stride, shape_.stride},
              Ints{shape_.padding, shape_.padding}, Ints{1, 1}, std::int64_t{1}, double{output_.scale},
              std::int64_t{output_.zero_point}, Some{type}, activation == Activation::relu ? "relu"sv : "none"sv,
              EmptyList{}, Some{""sv});
}

Tensor QuantizedConv::add_relu(const Tensor& input, const Tensor& residual, const Quantization& of_residual) const {
  return call("onednn::qconv2d_pointwise", "binary", input, double{input_.scale}, std::int64_t{input_.zero_point},
              weight_for(input), scales_view_, zero_points_view_, residual, Some{bias_view_},
              Ints{shape_.stride, shape_.stride}, Ints{shape_.padding, shape_.padding}, Ints{1, 1}, std::int64_t{1},
              double{output_.scale}, std::int64_t{output_.zero_point},
              Some{std::int64_t{libtorch().aoti_torch_dtype_uint8()}}, double{of_residual.scale},
              std::int64_t{of_residual.zero_point}, "sum"sv, std::nullopt, Some{"relu"sv}, EmptyList{}, Some{""sv});
}

}  // namespace mediscan::backend::torch
