#include "preprocess/rows.hpp"

#include <cstring>

namespace mediscan::recipe {
namespace {

/// Tightly packed interleaved samples of any type.
template <class Sample>
struct Plane {
  const Sample* data;
  std::size_t width;     ///< of a stored row, in pixels
  std::size_t channels;  ///< stored
  const Sample* end;     ///< of what may be read

  [[nodiscard]] const Sample* at(const Region& region, std::uint32_t y) const {
    return data + ((region.rows.start + std::size_t{y}) * width + region.columns.start) * channels;
  }
};

template <class Sample>
Plane<Sample> plane_of(const Image& image) {
  const void* pixels = image.pixels().data();
  const auto* data = static_cast<const Sample*>(pixels);
  const std::size_t samples = std::size_t{image.width()} * image.height() * image.channels();
  return {data, image.width(), image.channels(), data + samples};
}

template <class Sample>
Plane<Sample> plane_of(const Pixels<Sample>& pixels) {
  const Sample* data = pixels.samples.get();
  return {data, pixels.size.width, pixels.channels, data + pixels.row_samples() * pixels.size.height + row_padding};
}

Size size_of(const Region& region) { return {region.rows.length, region.columns.length}; }

template <class Sample>
std::uint32_t channels_of(const Plane<Sample>& plane, const Region& region) {
  return region.to_gray ? 1 : static_cast<std::uint32_t>(plane.channels);
}

/// Samples as they are. Rows too near the end of the memory to be read past are copied.
template <class Sample>
class StoredRows final : public RowSource<Sample> {
 public:
  StoredRows(const Plane<Sample>& plane, const Region& region)
      : RowSource<Sample>(size_of(region), channels_of(plane, region)), plane_(plane), region_(region) {}

  const Sample* row(std::uint32_t y, std::uint32_t begin, std::uint32_t end, Sample* scratch) override {
    const Sample* stored = plane_.at(region_, y);
    const std::size_t from = begin * plane_.channels;
    const std::size_t to = end * plane_.channels;
    if (static_cast<std::size_t>(plane_.end - stored) >= to + row_padding) return stored;
    std::memcpy(scratch + from, stored + from, (to - from) * sizeof(Sample));
    return scratch;
  }

 private:
  Plane<Sample> plane_;
  Region region_;
};

class GrayByteRows final : public RowSource<std::uint8_t> {
 public:
  GrayByteRows(const Plane<std::uint8_t>& plane, const Region& region, const Kernels& kernels)
      : RowSource(size_of(region), 1), plane_(plane), region_(region), kernels_(kernels) {}

  const std::uint8_t* row(std::uint32_t y, std::uint32_t begin, std::uint32_t end, std::uint8_t* scratch) override {
    kernels_.gray(plane_.at(region_, y) + std::size_t{begin} * 3, scratch + begin, end - begin);
    return scratch;
  }

 private:
  Plane<std::uint8_t> plane_;
  Region region_;
  const Kernels& kernels_;
};

/// Integers as float32.
template <class Stored>
class ConvertedRows final : public RowSource<float> {
 public:
  ConvertedRows(const Plane<Stored>& plane, const Region& region)
      : RowSource(size_of(region), channels_of(plane, region)), plane_(plane), region_(region) {}

  const float* row(std::uint32_t y, std::uint32_t begin, std::uint32_t end, float* scratch) override {
    const Stored* stored = plane_.at(region_, y);
    if (region_.to_gray) {
      for (std::size_t x = begin; x < end; ++x) scratch[x] = gray(stored + 3 * x);
      return scratch;
    }
    for (std::size_t i = begin * plane_.channels; i < end * plane_.channels; ++i) {
      scratch[i] = static_cast<float>(stored[i]);
    }
    return scratch;
  }

 private:
  /// Pillow's "L", which fits 32 bits for 16-bit samples too.
  static float gray(const Stored* rgb) {
    return static_cast<float>((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 32768U) >> 16);
  }

  Plane<Stored> plane_;
  Region region_;
};

}  // namespace

std::unique_ptr<RowSource<std::uint8_t>> byte_rows(const Image& image, const Region& region, const Kernels& kernels) {
  const auto plane = plane_of<std::uint8_t>(image);
  if (region.to_gray) return std::make_unique<GrayByteRows>(plane, region, kernels);
  return std::make_unique<StoredRows<std::uint8_t>>(plane, region);
}

std::unique_ptr<RowSource<std::uint8_t>> byte_rows(const Pixels<std::uint8_t>& pixels, const Region& region) {
  return std::make_unique<StoredRows<std::uint8_t>>(plane_of(pixels), region);
}

std::unique_ptr<RowSource<float>> float_rows(const Image& image, const Region& region) {
  if (image.bytes_per_sample() == 1) {
    return std::make_unique<ConvertedRows<std::uint8_t>>(plane_of<std::uint8_t>(image), region);
  }
  return std::make_unique<ConvertedRows<std::uint16_t>>(plane_of<std::uint16_t>(image), region);
}

std::unique_ptr<RowSource<float>> float_rows(const Pixels<std::uint8_t>& pixels, const Region& region) {
  return std::make_unique<ConvertedRows<std::uint8_t>>(plane_of(pixels), region);
}

std::unique_ptr<RowSource<float>> float_rows(const Pixels<float>& pixels, const Region& region) {
  return std::make_unique<StoredRows<float>>(plane_of(pixels), region);
}

}  // namespace mediscan::recipe
