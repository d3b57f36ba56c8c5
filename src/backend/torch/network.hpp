// What the architectures share: the pictures they are given, and how they notice that nobody wants the answer any more.
#pragma once

#include <mediscan/backend.hpp>

#include <atomic>
#include <cstdint>

#include "backend/torch/conv.hpp"
#include "backend/torch/kernels.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// An activation between two layers, in NHWC memory: LibTorch's tensor, and the same memory as our kernels take it.
inline Pixels pixels_of(const Tensor& tensor) {
  const auto sizes = tensor.sizes();  // batch, channels, height, width
  return {tensor.data(), sizes[0], sizes[2], sizes[3], sizes[1], sizes[1]};
}

inline HalfPixels half_pixels_of(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return {tensor.halves(), sizes[0], sizes[2], sizes[3], sizes[1]};
}

inline Tensor tensor_of(const HalfPixels& pixels) {
  return Tensor::view_nhwc(pixels.data, {pixels.batch, pixels.channels, pixels.height, pixels.width});
}

inline Tensor tensor_of(const Pixels& pixels) {
  return Tensor::view_nhwc(pixels.data, {pixels.batch, pixels.channels, pixels.height, pixels.width});
}

/// Throws CANCELLED once the flag is up. Called between stages.
inline void stop_if(const std::atomic<bool>& cancelled) {
  if (cancelled.load(std::memory_order_relaxed))
    throw Error(ErrorCode::cancelled, Stage::backend, "cancelled while the network was running");
}

}  // namespace mediscan::backend::torch
