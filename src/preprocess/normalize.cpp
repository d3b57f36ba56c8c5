#include "preprocess/normalize.hpp"

#include <algorithm>

namespace mediscan::recipe {
namespace {

constexpr std::uint32_t max_byte = 255;

float scaled(float sample, float max, Scale scale) {
  const float unit = sample / max;
  return scale == Scale::unit ? unit : (2.0F * unit - 1.0F) * 1024.0F;
}

}  // namespace

TensorWriter::TensorWriter(const PreprocessSpec& spec, const Geometry& geometry, std::uint32_t max_value,
                           std::uint32_t in_channels, std::span<float> out)
    : scale_(spec.scale),
      layout_(spec.layout),
      max_(static_cast<float>(max_value)),
      in_channels_(in_channels),
      channels_(spec.channels()),
      rows_(geometry.rows),
      columns_(geometry.columns),
      out_(out) {
  std::copy(spec.mean.begin(), spec.mean.end(), mean_.begin());
  std::copy(spec.std.begin(), spec.std.end(), std_.begin());
  if (rows_.length < rows_.total || columns_.length < columns_.total) write_padding();
}

float TensorWriter::value(float sample, std::size_t channel) const {
  return (scaled(sample, max_, scale_) - mean_[channel]) / std_[channel];
}

/// Zeros come before scale and mean, as torchvision pads the picture and not the tensor.
void TensorWriter::write_padding() {
  const std::size_t plane = std::size_t{rows_.total} * columns_.total;
  for (std::size_t c = 0; c < channels_; ++c) {
    const float zero = value(0.0F, c);
    if (layout_ == Layout::nchw) {
      std::fill_n(out_.begin() + static_cast<std::ptrdiff_t>(c * plane), plane, zero);
    } else {
      for (std::size_t i = 0; i < plane; ++i) out_[i * channels_ + c] = zero;
    }
  }
}

void TensorWriter::prepare_table() {
  for (std::size_t c = 0; c < channels_; ++c) {
    for (std::size_t v = 0; v < 256; ++v) table_[c][v] = value(static_cast<float>(v), c);
  }
}

template <class Channel>
void TensorWriter::for_each_channel(std::uint32_t y, Channel&& to) {
  const std::size_t at = (std::size_t{rows_.pad} + y) * columns_.total + columns_.pad;
  const std::size_t plane = std::size_t{rows_.total} * columns_.total;
  for (std::size_t c = 0; c < channels_; ++c) {
    float* values = layout_ == Layout::nchw ? out_.data() + c * plane + at : out_.data() + at * channels_ + c;
    to(c, in_channels_ == 1 ? 0 : c, values, layout_ == Layout::nchw ? 1 : channels_);
  }
}

void TensorWriter::write(std::uint32_t y, const std::uint8_t* row) {
  for_each_channel(y, [&](std::size_t c, std::size_t from, float* values, std::size_t step) {
    const float* table = table_[c].data();
    for (std::size_t x = 0; x < columns_.length; ++x) values[x * step] = table[row[x * in_channels_ + from]];
  });
}

void TensorWriter::write(std::uint32_t y, const float* row) {
  for_each_channel(y, [&](std::size_t c, std::size_t from, float* values, std::size_t step) {
    for (std::size_t x = 0; x < columns_.length; ++x) values[x * step] = value(row[x * in_channels_ + from], c);
  });
}

void normalize_samples(const PreprocessSpec& spec, std::span<const std::uint8_t> samples, std::uint32_t height,
                       std::uint32_t width, std::span<float> out) {
  Geometry geometry;
  geometry.rows = whole_axis(height);
  geometry.columns = whole_axis(width);
  TensorWriter writer(spec, geometry, max_byte, spec.channels(), out);
  writer.prepare_table();
  const std::size_t row = std::size_t{width} * spec.channels();
  for (std::uint32_t y = 0; y < height; ++y) writer.write(y, samples.data() + y * row);
}

}  // namespace mediscan::recipe

namespace mediscan {

std::vector<float> values_of_bytes(const PreprocessSpec& spec) {
  validate(spec);
  constexpr std::uint32_t bytes = 256;
  const std::uint32_t channels = spec.channels();
  std::vector<std::uint8_t> samples(std::size_t{bytes} * channels);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint8_t>(i / channels);
  PreprocessSpec planes = spec;
  planes.layout = Layout::nchw;
  std::vector<float> values(samples.size());
  recipe::normalize_samples(planes, samples, 1, bytes, values);
  return values;
}

}  // namespace mediscan
