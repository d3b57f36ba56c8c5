// The recipe run into memory that the caller owns, so that a batch is filled in place. The namespace is `recipe`
// because mediscan::preprocess is the public function.
#pragma once

#include <cstdint>
#include <mediscan/preprocess.hpp>
#include <span>
#include <utility>
#include <vector>

#include "image/excerpt.hpp"

namespace mediscan::recipe {

struct Kernels;  // resize_kernels.hpp

/// Height and width of the tensor that `spec` makes of a picture of this size. Throws as mediscan::preprocess.
std::pair<std::uint32_t, std::uint32_t> output_size(std::uint32_t height, std::uint32_t width,
                                                    const PreprocessSpec& spec);

/// As mediscan::preprocess, written to `out`, whose size must be channels x height x width of output_size
/// (INVALID_ARGUMENT otherwise). The second form runs on the given kernels instead of the machine's best, so that tests
/// compare them.
void preprocess_into(const Image& image, const PreprocessSpec& spec, std::span<float> out);
void preprocess_into(const Image& image, const PreprocessSpec& spec, std::span<float> out, const Kernels& kernels);

/// The same of an excerpt, which must hold what source_window gives (INTERNAL otherwise): the tensor is the whole
/// picture's. Of a reduced picture every size and crop is that of the full one, the resize takes its region from the
/// reduced pixels. A large picture is resized by two threads where `threads`, the budget of the process, leaves a
/// second one.
void preprocess_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<float> out, int threads);
void preprocess_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<float> out,
                     const Kernels& kernels, int threads);

/// Whether a picture's samples are bytes until scale, mean and std.
bool gives_bytes(const Image& stored, const PreprocessSpec& spec);

/// Those samples, interleaved, grey repeated where the tensor has three channels: normalize_samples() makes of them
/// what preprocess_into makes. `out` must have height x width x channels bytes (INVALID_ARGUMENT otherwise, as for a
/// picture that does not give bytes); throws as preprocess_into.
void samples_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<std::uint8_t> out, int threads);

/// Below this many pixels read, a second thread costs more than it brings.
inline constexpr std::uint64_t min_pixels_for_two = 2'000'000;

/// The samples after the last geometric step and before scale, mean and std: height x width x channels, interleaved.
struct PixelBlock {
  std::uint32_t channels = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::vector<std::uint8_t> bytes;  ///< filled when the recipe runs in 8-bit arithmetic, else empty
  std::vector<float> floats;        ///< filled when it runs in float32 arithmetic, else empty
};

/// What preprocess_into would scale and normalise. For parity tests; throws as mediscan::preprocess.
PixelBlock preprocess_to_pixels(const Image& image, const PreprocessSpec& spec);
PixelBlock preprocess_to_pixels(const Image& image, const PreprocessSpec& spec, const Kernels& kernels);

}  // namespace mediscan::recipe
