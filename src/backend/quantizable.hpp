// A network that can be watched while it computes in float32, and that makes its int8 weights of what was seen. The
// runtime knows its layers; what to make of the numbers (src/quantization) it does not.
#pragma once

#include <mediscan/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bundle/safetensors_writer.hpp"

namespace mediscan::backend {

/// What the bytes of a layer's output stand for: scale * (byte - zero_point).
struct ByteScale {
  float scale = 1;
  std::uint8_t zero_point = 0;
};

/// Created, used and destroyed on one thread.
class Quantizable {
 public:
  virtual ~Quantizable() = default;
  Quantizable() = default;
  Quantizable(const Quantizable&) = delete;
  Quantizable& operator=(const Quantizable&) = delete;

  /// The layers whose outputs become bytes.
  [[nodiscard]] virtual const std::vector<std::string>& layers() const = 0;

  /// Called for each layer once a run, with all numbers of its output; `layer` counts in layers().
  using Watch = std::function<void(std::size_t layer, std::span<const float> values)>;
  /// Computes one batch in float32.
  virtual void run(const BatchInput& input, const BatchOutput& output, const Watch& watch) = 0;

  /// What can be kept in float32 as a whole: in a ResNet a block, in a DenseNet a layer or a transition.
  struct Unit {
    std::string name;
    std::vector<std::size_t> layers;  ///< those that give no bytes when it is kept
  };
  /// In the order in which they run; every convolution that becomes int8 is in one of them.
  [[nodiscard]] virtual const std::vector<Unit>& units() const = 0;

  /// The tensors of the int8 weight file (docs/bundle.md), given a scale for each layer and for each unit whether it is
  /// kept.
  [[nodiscard]] virtual std::vector<bundle::StoredTensor> quantized(std::span<const ByteScale> scales,
                                                                    const std::vector<bool>& kept) const = 0;
};

}  // namespace mediscan::backend
