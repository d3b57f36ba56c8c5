// Activations as LibTorch's tensors and as our kernels take them, over the same memory.
#pragma once

#include <cstddef>
#include <span>

#include "backend/network/kernels.hpp"
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

/// Every number of a float32 activation, in the order of its memory.
inline std::span<const float> all_values(const Tensor& tensor) {
  const Pixels pixels = pixels_of(tensor);
  return {pixels.data, static_cast<std::size_t>(pixels.count() * pixels.channels)};
}

inline BytePixels byte_pixels_of(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return {tensor.bytes(), sizes[0], sizes[2], sizes[3], sizes[1]};
}

inline Tensor tensor_of(const BytePixels& pixels) {
  return Tensor::view_nhwc(pixels.data, {pixels.batch, pixels.channels, pixels.height, pixels.width});
}

}  // namespace mediscan::backend::torch
