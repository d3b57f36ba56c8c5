#include "backend/torch/quantized_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace mediscan::backend::torch {

using bundle::StoredTensor;

void append_quantized(const FoldedConv& conv, const std::string& name, std::vector<StoredTensor>& to) {
  const ConvShape& shape = conv.shape;
  const auto outputs = static_cast<std::size_t>(shape.out);
  const std::size_t per_output = conv.weight.size() / outputs;
  std::vector<std::int8_t> weight(conv.weight.size());
  std::vector<float> scales(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    const auto row = std::span(conv.weight).subspan(o * per_output, per_output);
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    const float scale = largest / 127.0F;
    // An output without weights, or with such small ones that their scale is no number over 0, is its bias.
    const bool none = !std::isnormal(scale);
    scales[o] = none ? 1.0F : scale;
    for (std::size_t i = 0; i < per_output; ++i) {
      const double steps = none ? 0.0 : std::nearbyint(double{row[i]} / double{scale});
      weight[o * per_output + i] = static_cast<std::int8_t>(std::clamp(steps, -127.0, 127.0));
    }
  }
  to.push_back(StoredTensor::of(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel},
                                std::span<const std::int8_t>(weight)));
  to.push_back(StoredTensor::of(name + ".weight_scale", {shape.out}, std::span<const float>(scales)));
  to.push_back(StoredTensor::of(name + ".bias", {shape.out}, std::span<const float>(conv.bias)));
}

void append_kept(const FoldedConv& conv, const std::string& name, std::vector<StoredTensor>& to) {
  const ConvShape& shape = conv.shape;
  to.push_back(StoredTensor::of(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel},
                                std::span<const float>(conv.weight)));
  to.push_back(StoredTensor::of(name + ".bias", {shape.out}, std::span<const float>(conv.bias)));
}

void append_scale(const ByteScale& scale, const std::string& name, std::vector<StoredTensor>& to) {
  to.push_back(StoredTensor::of(name + ".output_scale", {1}, std::span(&scale.scale, 1)));
  to.push_back(StoredTensor::of(name + ".output_zero_point", {1}, std::span(&scale.zero_point, 1)));
}

void append_unchanged(Weights& weights, const std::string& name, std::initializer_list<std::int64_t> shape,
                      std::vector<StoredTensor>& to) {
  const std::vector<float> values = weights.take(name, shape);
  if (!values.empty()) to.push_back(StoredTensor::of(name, shape, std::span<const float>(values)));
}

void append_norm_unchanged(Weights& weights, const std::string& name, std::int64_t channels,
                           std::vector<StoredTensor>& to) {
  for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
    append_unchanged(weights, name + part, {channels}, to);
  }
}

}  // namespace mediscan::backend::torch
