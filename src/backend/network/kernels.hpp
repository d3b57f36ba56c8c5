// The elementwise loops between convolutions that LibTorch has no single operator for, on pictures in NHWC memory,
// float32, bfloat16 or quantised to bytes. They run on the threads of whoever computes (parallel.hpp); nothing here
// allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mediscan::backend {

/// Pictures in memory: `batch` x `height` x `width` pixels, `stride` floats from one pixel to the next, its first
/// `channels` of them in use.
struct Pixels {
  float* data = nullptr;
  std::int64_t batch = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 0;

  [[nodiscard]] std::int64_t count() const noexcept { return batch * height * width; }
};

/// The same of bfloat16, the upper halves of float32.
struct HalfPixels {
  std::uint16_t* data = nullptr;
  std::int64_t batch = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 0;  // 0: no room between pixels

  /// Halves from one pixel to the next.
  [[nodiscard]] std::int64_t step() const noexcept { return stride > 0 ? stride : channels; }

  [[nodiscard]] std::int64_t count() const noexcept { return batch * height * width; }
};

/// The same of bytes, without room between pixels.
struct BytePixels {
  std::uint8_t* data = nullptr;
  std::int64_t batch = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;

  [[nodiscard]] std::int64_t count() const noexcept { return batch * height * width; }
};

/// What bytes stand for: scale * (byte - zero_point).
struct Quantization {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// What an inference batch-norm does to each channel: x * scale + shift.
struct Affine {
  std::span<const float> scale;
  std::span<const float> shift;
};

/// Floats aligned for the widest vectors, reused from run to run; grows, never shrinks.
class Scratch {
 public:
  /// At least `count` floats of undefined content. Throws OUT_OF_MEMORY.
  float* reserve(std::int64_t count);
  /// The same memory as bfloat16.
  std::uint16_t* reserve_halves(std::int64_t count);
  /// The same memory as bytes.
  std::uint8_t* reserve_bytes(std::int64_t count);

 private:
  struct Free {
    void operator()(float* data) const noexcept;
  };
  std::unique_ptr<float, Free> data_;
  std::int64_t size_ = 0;
};

/// Whether no value is infinite or NaN. oneDNN's fused ReLU makes 0 of a NaN, so one that goes in may not be seen in
/// what comes out.
bool all_finite(std::span<const float> values);
/// Each rounded to the nearest bfloat16, halves to even; NaN stays NaN.
void to_bfloat16(std::span<const float> from, std::uint16_t* to);
/// The bytes that stand for the numbers: the nearest, halves to even, cut off at 0 and 255.
void to_bytes(std::span<const float> from, const Quantization& quantization, std::uint8_t* to);
/// What bytes stand for.
void from_bytes(std::span<const std::uint8_t> from, const Quantization& quantization, float* to);
/// Copies channels pixel by pixel; same batch, height, width and channels.
void copy_channels(const Pixels& from, const Pixels& to);
void copy_channels(const HalfPixels& from, const HalfPixels& to);

/// Copies `fresh` behind the channels that `features` has, and counts them as its own; its stride leaves room for them.
template <class Numbers>
void append_channels(const Numbers& fresh, Numbers& features) {
  Numbers behind = features;
  behind.data += features.channels;
  behind.channels = fresh.channels;
  copy_channels(fresh, behind);
  features.channels += fresh.channels;
}

/// relu(x * scale + shift). `to` has as many channels as `from`.
void affine_relu(const Pixels& from, const Affine& affine, const Pixels& to);
/// The same of bfloat16, computed in float32.
void affine_relu(const HalfPixels& from, const Affine& affine, const HalfPixels& to);
/// The same, each as to_bytes would make it.
void affine_relu(const Pixels& from, const Affine& affine, const Quantization& quantization, const BytePixels& to);
/// The mean of each 2 x 2 window of relu(x * scale + shift); an odd last row or column is left out, as in avg_pool2d(2,
/// 2).
void affine_relu_average2(const Pixels& from, const Affine& affine, const Pixels& to);
/// The same of bfloat16, summed in float32.
void affine_relu_average2(const HalfPixels& from, const Affine& affine, const HalfPixels& to);
/// The same, each mean as to_bytes would make it.
void affine_relu_average2(const Pixels& from, const Affine& affine, const Quantization& quantization,
                          const BytePixels& to);
/// The maximum of each 3 x 3 window at stride 2 with one pixel of border that never wins: max_pool2d(3, 2, 1).
void max_pool3(const Pixels& from, const Pixels& to);
/// The same of numbers that are not negative, as a ReLU leaves them.
void max_pool3(const HalfPixels& from, const HalfPixels& to);
/// The same, each maximum rounded to the nearest byte that stands for it, halves to even.
void max_pool3(const Pixels& from, const Quantization& quantization, const BytePixels& to);
/// Mean over the pixels of each picture of what the bytes stand for: batch x channels values, row-major.
void mean_pixels(const BytePixels& from, const Quantization& quantization, float* to);
/// Mean over the pixels of each picture: batch x channels values, row-major.
void mean_pixels(const Pixels& from, float* to);
/// The same of bfloat16, summed in float32.
void mean_pixels(const HalfPixels& from, float* to);
/// Mean over the pixels of each picture of relu(x * scale + shift).
void affine_relu_mean(const Pixels& from, const Affine& affine, float* to);
/// The same of bfloat16, summed in float32.
void affine_relu_mean(const HalfPixels& from, const Affine& affine, float* to);

}  // namespace mediscan::backend
