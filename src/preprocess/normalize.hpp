// From samples to the values a network was trained on, and their places in the tensor.
//
// All in float32, each operation rounded. unit (torchvision's ToTensor): u = v / max. xrv (torchxrayvision's
// normalize): u = (2 (v / max) - 1) 1024. Then (u - mean) / std, as torchvision's Normalize. max is 255 for 8-bit
// pictures, 2^bits - 1 for others.
#pragma once

#include <array>
#include <cstdint>
#include <mediscan/preprocess.hpp>
#include <span>

#include "preprocess/geometry.hpp"

namespace mediscan::recipe {

/// Writes the rows of a crop into a tensor, grey repeated where the tensor has three channels.
class TensorWriter {
 public:
  /// `out` holds the whole tensor; samples come with `in_channels` (1 or 3) interleaved. Writes the padding at once.
  TensorWriter(const PreprocessSpec& spec, const Geometry& geometry, std::uint32_t max_value, std::uint32_t in_channels,
               std::span<float> out);

  void prepare_table();  ///< must be called before rows of bytes are written
  void write(std::uint32_t y, const std::uint8_t* row);
  void write(std::uint32_t y, const float* row);

 private:
  [[nodiscard]] float value(float sample, std::size_t channel) const;
  void write_padding();
  /// Calls to(channel, first sample, step between samples, first value, step between values).
  template <class Channel>
  void for_each_channel(std::uint32_t y, Channel&& to);

  Scale scale_;
  Layout layout_;
  float max_;
  std::size_t in_channels_;
  std::size_t channels_;
  Span rows_, columns_;
  std::array<float, 3> mean_{};
  std::array<float, 3> std_{1, 1, 1};
  std::array<std::array<float, 256>, 3> table_{};
  std::span<float> out_;
};

/// What TensorWriter writes of a whole tensor's samples: bytes, height x width x channels. `out` has as many values.
void normalize_samples(const PreprocessSpec& spec, std::span<const std::uint8_t> samples, std::uint32_t height,
                       std::uint32_t width, std::span<float> out);

}  // namespace mediscan::recipe
