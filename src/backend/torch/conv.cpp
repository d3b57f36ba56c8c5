#include "backend/torch/conv.hpp"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "backend/network/kernels.hpp"
#include "backend/torch/packing.hpp"
#include "backend/torch/pixels.hpp"

namespace mediscan::backend::torch {

using namespace std::string_view_literals;

Conv::Conv(FoldedConv folded) : shape_(folded.shape), plain_(std::move(folded.weight)), bias_(std::move(folded.bias)) {}

Conv::Conv(Weights& weights, const ConvShape& shape, const std::string& conv, const std::string& norm)
    : Conv(FoldedConv::take(weights, shape, conv, norm)) {}

Extent Conv::pack(const Target& target, Extent input) {
  const Extent output = input.after(shape_.kernel, shape_.stride, shape_.padding);
  if (target.precision == Precision::fp32 && WinogradConv::suits(shape_)) {
    winograd_.emplace(FoldedConv{shape_, std::exchange(plain_, {}), std::exchange(bias_, {})});
    scratch_ = target.scratch;
    threads_ = target.threads;
    return output;
  }
  const std::array sizes_of_weight{shape_.out, shape_.in, shape_.kernel, shape_.kernel};
  std::vector<std::uint16_t> halves;
  Tensor plain = Tensor::view(plain_.data(), sizes_of_weight);
  if (target.precision == Precision::bf16) {
    halves.resize(plain_.size());
    to_bfloat16(plain_, halves.data());
    plain = Tensor::view(libtorch().aoti_torch_dtype_bfloat16(), halves.data(), sizes_of_weight, plain.strides());
  }
  const Tensor channels_last = call("aten::contiguous", "", plain, target.channels_last);
  for (const std::int64_t batch : target.batches) {
    const std::array<std::int64_t, 4> sizes{batch, shape_.in, input.height, input.width};
    Tensor weight = call("mkldnn::_reorder_convolution_weight", "", channels_last, Ints{shape_.padding, shape_.padding},
                         Ints{shape_.stride, shape_.stride}, Ints{1, 1}, std::int64_t{1},
                         Some{std::span<const std::int64_t>(sizes)});
    if (packed_.empty() || !same_packing(weight, packed_.back().weight)) packed_.push_back({batch, std::move(weight)});
  }
  bias_view_ = Tensor::view(bias_.data(), std::array{shape_.out});
  if (target.precision == Precision::bf16) {  // the operator wants them alike
    bias_halves_.resize(bias_.size());
    to_bfloat16(bias_, bias_halves_.data());
    bias_view_ = Tensor::view(libtorch().aoti_torch_dtype_bfloat16(), bias_halves_.data(), std::array{shape_.out},
                              bias_view_.strides());
  }
  plain_ = {};
  return output;
}

void Conv::run_winograd(const Tensor& input, const Tensor& output, Finish finish) const {
  const Pixels from = pixels_of(input);
  const std::size_t bytes = winograd_->scratch_bytes(from.batch, {from.height, from.width}, threads_);
  float* scratch = scratch_->reserve(static_cast<std::int64_t>(bytes / sizeof(float)));
  winograd_->run(from, pixels_of(output), finish, threads_, scratch);
}

// In another order than a batch's own, oneDNN would reorder the weights anew in every call.
const Tensor& Conv::weight_for(const Tensor& input) const {
  const std::int64_t batch = input.sizes().front();
  const Packed* best = &packed_.front();
  for (const Packed& packed : packed_) {
    if (packed.batch <= batch) best = &packed;
  }
  return best->weight;
}

Tensor Conv::operator()(const Tensor& input, Activation activation) const {
  if (winograd_) {
    const auto sizes = input.sizes();
    Tensor output = Tensor::empty_nhwc({sizes[0], shape_.out, sizes[2], sizes[3]});
    run_winograd(input, output, {false, activation == Activation::relu});
    return output;
  }
  return call("mkldnn::_convolution_pointwise", "", input, weight_for(input), Some{bias_view_},
              Ints{shape_.padding, shape_.padding}, Ints{shape_.stride, shape_.stride}, Ints{1, 1}, std::int64_t{1},
              activation == Activation::relu ? "relu"sv : "none"sv, EmptyList{}, Some{""sv});
}

Tensor Conv::add_relu(const Tensor& input, const Tensor& residual) const {
  if (winograd_) {
    run_winograd(input, residual, {true, true});
    return residual;
  }
  return call("mkldnn::_convolution_pointwise_", "binary", residual, input, weight_for(input), Some{bias_view_},
              Ints{shape_.padding, shape_.padding}, Ints{shape_.stride, shape_.stride}, Ints{1, 1}, std::int64_t{1},
              "add"sv, std::nullopt, Some{"relu"sv}, EmptyList{}, Some{""sv});
}

}  // namespace mediscan::backend::torch
