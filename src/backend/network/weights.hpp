// The named tensors of a bundle's weight files as float32, and what is wrong with them: networks take what they need by
// name and shape, then everything missing, misshapen or left over is reported at once.
#pragma once

#include <mediscan/backend.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/network/kernels.hpp"
#include "bundle/safetensors.hpp"

namespace mediscan::backend {

class Weights {
 public:
  /// Parses every file. Throws UNSUPPORTED for a format other than safetensors, BUNDLE_INVALID for a file that breaks
  /// its rules. The bytes of `files` must outlive the object.
  explicit Weights(std::span<const WeightsView> files);

  /// Float32 values of a tensor stored as F32, F16 or BF16, row-major. Empty, and noted for check(), when it is
  /// missing, has another shape or type, or holds a value that is not finite.
  std::vector<float> take(const std::string& name, std::initializer_list<std::int64_t> shape);

  /// Values of a tensor stored as I8, -127 to 127. Empty, and noted, when it is otherwise.
  std::vector<std::int8_t> take_int8(const std::string& name, std::initializer_list<std::int64_t> shape);
  /// `layer`.output_scale and .output_zero_point, one value each, F32 and U8. Noted when they are otherwise.
  Quantization take_quantization(const std::string& layer);
  /// Whether there is such a tensor and it is stored as I8.
  [[nodiscard]] bool is_int8(const std::string& name) const noexcept;
  /// Whether some tensor is stored as I8: a network quantised beforehand.
  [[nodiscard]] bool quantized() const noexcept;

  /// Notes a fault that a network found in what it took.
  void fault(std::string what) { faults_.push_back(std::move(what)); }

  /// Throws BUNDLE_INVALID that lists every fault by tensor name, tensors never taken included ("num_batches_tracked",
  /// which inference does not use, excepted).
  void check() const;

 private:
  struct Entry {
    bundle::TensorEntry tensor;
    std::string file;
    bool taken = false;
  };
  /// The tensor, if it is there with this shape; noted otherwise.
  const bundle::TensorEntry* find(const std::string& name, std::initializer_list<std::int64_t> shape);

  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::string> faults_;
  std::string files_;  // for messages
};

/// IEEE binary16 to binary32, exact.
float float_from_half(std::uint16_t bits) noexcept;

}  // namespace mediscan::backend
