// The networks by LibTorch's own operators, one call an operation, on any device that LibTorch has. CUDA runs on it; on
// the CPU it is what the tests compare, and resnet.hpp and densenet.hpp are several times faster.
#pragma once

#include <mediscan/bundle.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/network/weights.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// Where an eager network computes, and with which of LibTorch's operators.
struct EagerPlace {
  /// What a convolution is made of.
  enum class Convolution {
    plain,  ///< aten::conv2d; what that does with TF32 is the process's setting
    cudnn,  ///< aten::cudnn_convolution, which is told to leave TF32 alone: float32 stays float32
    fused,  ///< aten::cudnn_convolution_relu and _add_relu: one kernel for what surrounds a convolution too
  };
  using Add = Status (*)(TensorHandle, TensorHandle, double, TensorHandle*);

  std::int32_t device_type = 0;  ///< LibTorch's number for it
  std::int32_t device_index = -1;
  Precision precision = Precision::fp32;  ///< fp32 or fp16; the head is in fp32 always
  Convolution convolution = Convolution::plain;
  Add add = nullptr;  ///< aoti_torch_cpu_add_Tensor or aoti_torch_cuda_add_Tensor

  /// LibTorch's number for the type of activations.
  [[nodiscard]] std::int32_t dtype() const;
  /// Memory of undefined content. Throws OUT_OF_MEMORY.
  [[nodiscard]] Tensor empty(std::int32_t dtype, std::span<const std::int64_t> sizes,
                             std::span<const std::int64_t> strides) const;
  /// The same for pictures: sizes {batch, channels, height, width}, channels last in memory, of dtype().
  [[nodiscard]] Tensor empty_pictures(const std::array<std::int64_t, 4>& sizes) const;
  /// A copy of row-major float32 values. Nothing but the copy is allocated on the device.
  [[nodiscard]] Tensor upload(std::span<const float> values, std::span<const std::int64_t> sizes) const;
};

/// A network whose weights lie on a device. Made in two steps, so that every fault of a file is known before memory of
/// the device is asked for. Not thread-safe.
class EagerNetwork {
 public:
  virtual ~EagerNetwork() = default;
  EagerNetwork() = default;
  EagerNetwork(const EagerNetwork&) = delete;
  EagerNetwork& operator=(const EagerNetwork&) = delete;

  /// Copies the weights to the device and frees ours. Throws OUT_OF_MEMORY, BACKEND_FAILED.
  virtual void place(const EagerPlace& place) = 0;
  /// `pictures` is channels_last, of the place's type and on its device. The result is batch x outputs logits, float32,
  /// row-major, there too; on a GPU it is not computed yet when the call returns.
  [[nodiscard]] virtual Tensor run(const EagerPlace& place, const Tensor& pictures) const = 0;

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] virtual std::int64_t minimum_side() const noexcept = 0;
  /// Numbers in the largest intermediate result for one picture, the picture itself included.
  [[nodiscard]] virtual std::int64_t largest_activation(Extent picture) const noexcept = 0;
  /// Numbers in all weights.
  [[nodiscard]] virtual std::int64_t weight_count() const noexcept = 0;
};

/// The network of an architecture with its weights taken; Weights::check() tells whether all were there. Throws
/// BUNDLE_INVALID for numbers that make no network; nothing for an architecture that is neither ResNet nor DenseNet.
std::unique_ptr<EagerNetwork> make_eager_network(const Architecture& architecture, Weights& weights);

}  // namespace mediscan::backend::torch
