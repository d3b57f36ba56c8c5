// From the weights of a convolution to the tensors of an int8 weight file (docs/bundle.md).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "backend/network/weights.hpp"
#include "backend/quantizable.hpp"
#include "backend/torch/conv.hpp"
#include "bundle/safetensors_writer.hpp"

namespace mediscan::backend::torch {

/// `name`.weight, .weight_scale and .bias: symmetric whole numbers, 127 the largest of each output.
void append_quantized(const FoldedConv& conv, const std::string& name, std::vector<bundle::StoredTensor>& to);
/// `name`.weight and .bias in float32, for a layer that is kept so.
void append_kept(const FoldedConv& conv, const std::string& name, std::vector<bundle::StoredTensor>& to);
/// `name`.output_scale and .output_zero_point.
void append_scale(const ByteScale& scale, const std::string& name, std::vector<bundle::StoredTensor>& to);

/// A float tensor as it is, to be written again. Nothing is added when it is missing or misshapen, which stands in the
/// weights' notes then.
void append_unchanged(Weights& weights, const std::string& name, std::initializer_list<std::int64_t> shape,
                      std::vector<bundle::StoredTensor>& to);
/// The four of a batch-norm.
void append_norm_unchanged(Weights& weights, const std::string& name, std::int64_t channels,
                           std::vector<bundle::StoredTensor>& to);

}  // namespace mediscan::backend::torch
