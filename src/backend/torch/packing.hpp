// Weights that oneDNN packed: which of two are packed alike. conv.hpp and quantized_conv.hpp pack them.
#pragma once

#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// Whether two tensors packed by oneDNN lie in memory in the same order. oneDNN's description of it is opaque, but
/// equal for equal orders.
bool same_packing(const Tensor& one, const Tensor& other);

}  // namespace mediscan::backend::torch
