// What the architectures share: the pictures they are given, and how they notice that nobody wants the answer any more.
#pragma once

#include <mediscan/backend.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backend/network/kernels.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/pixels.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// The same pictures in bfloat16, in `memory`.
inline Tensor rounded_to_bf16(const Tensor& pictures, Scratch& memory) {
  const Pixels given = pixels_of(pictures);
  const std::int64_t numbers = given.count() * given.channels;
  const HalfPixels rounded{memory.reserve_halves(numbers), given.batch, given.height, given.width, given.channels};
  to_bfloat16({given.data, static_cast<std::size_t>(numbers)}, rounded.data);
  return tensor_of(rounded);
}

/// What max_pool3 makes of a stem's output, in `memory`.
inline Tensor pooled(const Tensor& stem, Scratch& memory) {
  const Pixels from = pixels_of(stem);
  const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
  Pixels to{nullptr, from.batch, extent.height, extent.width, from.channels, from.channels};
  to.data = memory.reserve(to.count() * to.channels);
  max_pool3(from, to);
  return tensor_of(to);
}

/// The pictures of a batch where they lie when they are NHWC already, else rearranged once.
inline Tensor channels_last(const BatchInput& input, const Target& target) {
  auto* data = const_cast<float*>(
      input.data);  // NOLINT(cppcoreguidelines-pro-type-const-cast): the first convolution only reads it
  const std::array<std::int64_t, 4> sizes{input.batch, input.channels, input.height, input.width};
  if (input.layout == Layout::nhwc || input.channels == 1) return Tensor::view_nhwc(data, sizes);
  return call("aten::contiguous", "", Tensor::view(data, sizes), target.channels_last);
}

/// Throws CANCELLED once the flag is up. Called between stages.
inline void stop_if(const std::atomic<bool>& cancelled) {
  if (cancelled.load(std::memory_order_relaxed))
    throw Error(ErrorCode::cancelled, Stage::backend, "cancelled while the network was running");
}

}  // namespace mediscan::backend::torch
