// From a picture to the tensor a network was trained on, by a typed recipe. 8-bit pictures give the very values of
// Pillow + torchvision; see docs/bundle.md for the formula of every step.
#pragma once

#include <mediscan/export.hpp>
#include <mediscan/image.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mediscan {

/// Pillow's resampling filters, with Pillow's supports: box 0.5, bilinear 1, bicubic (a = -0.5) 2, lanczos 3.
enum class Filter { box, bilinear, bicubic, lanczos };

/// What the channels of the tensor are.
enum class ColorMode {
  rgb,   ///< 3 channels; grey is repeated
  gray,  ///< 1 channel; RGB becomes Pillow's "L": (19595 R + 38470 G + 7471 B + 32768) >> 16
};

/// Pillow's Image.thumbnail: shrink, never enlarge, so that both sides fit `max_side`, keeping the aspect ratio.
struct ThumbnailStep {
  std::uint32_t max_side = 1024;
  Filter filter = Filter::lanczos;
  /// Pillow's reducing_gap: first shrink by a whole factor with a box filter that leaves at least gap x the target
  /// size. Pillow's own default is 2.0; nullopt (the default here) resamples in one step.
  std::optional<double> reducing_gap;

  friend bool operator==(const ThumbnailStep&, const ThumbnailStep&) = default;
};

struct ResizeStep {
  enum class Mode {
    shorter,  ///< the shorter side becomes `size`, the longer int(size x long / short), as torchvision's Resize(size)
    longer,   ///< the longer side becomes `size`, the shorter max(1, int(size x short / long))
    exact,    ///< height x width, aspect ratio not kept
  };
  /// Where values are rounded while resizing.
  enum class Arithmetic {
    automatic,  ///< 8-bit pictures as uint8, others as float32
    uint8,      ///< Pillow's 8-bit path: rounded to 0..255 after each pass. Pictures of more than 8 bits are an error.
    float32,    ///< Pillow's mode "F" path: double coefficients and sums, float32 after each pass
  };
  Mode mode = Mode::shorter;
  std::uint32_t size = 256;  ///< for shorter and longer
  std::uint32_t height = 0;  ///< for exact
  std::uint32_t width = 0;   ///< for exact
  Filter filter = Filter::bilinear;
  Arithmetic arithmetic = Arithmetic::automatic;

  friend bool operator==(const ResizeStep&, const ResizeStep&) = default;
};

/// A centre crop as torchvision's CenterCrop: offset int(round((in - out) / 2)), halves to even; a picture smaller than
/// the crop is padded with zeros on both sides as torchvision does.
struct CropStep {
  std::uint32_t height = 224;
  std::uint32_t width = 224;

  friend bool operator==(const CropStep&, const CropStep&) = default;
};

/// What a sample becomes before mean and std.
enum class Scale {
  unit,  ///< v / max_value: [0, 1], as torchvision's ToTensor
  xrv,   ///< (2 v / max_value - 1) x 1024: [-1024, 1024], as torchxrayvision's normalize
};

enum class Layout { nchw, nhwc };

/// The recipe. Steps run in the order of the fields; absent steps are skipped.
struct PreprocessSpec {
  ColorMode color = ColorMode::rgb;
  std::optional<ThumbnailStep> thumbnail;
  bool square_crop = false;  ///< centre crop to the shorter side first, as torchxrayvision's XRayCenterCrop
  std::optional<ResizeStep> resize;
  std::optional<CropStep> crop;
  Scale scale = Scale::unit;
  std::vector<float> mean;  ///< one a channel, or empty: 0
  std::vector<float> std;   ///< one a channel, or empty: 1; (v - mean) / std in float32
  Layout layout = Layout::nchw;

  friend bool operator==(const PreprocessSpec&, const PreprocessSpec&) = default;

  [[nodiscard]] std::uint32_t channels() const noexcept { return color == ColorMode::gray ? 1 : 3; }
};

/// A float32 tensor of one picture, in memory as `layout` says.
struct Tensor {
  std::uint32_t channels = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  Layout layout = Layout::nchw;
  std::vector<float> values;  ///< channels x height x width
};

/// Throws INVALID_ARGUMENT naming the field when the recipe contradicts itself (sizes of 0 or beyond 16384, mean or std
/// of the wrong length or not finite, std of 0, reducing_gap below 1).
MEDISCAN_API void validate(const PreprocessSpec& spec);

/// Runs the recipe. Thread-safe; coefficient tables are cached for the process. Throws INVALID_ARGUMENT (as validate),
/// UNSUPPORTED (uint8 arithmetic on a 16-bit picture), LIMIT_EXCEEDED (a tensor of more than 2^28 values, a resized
/// side of 2^31 or more, a reducing step of more than 2^22 pixels into one) or OUT_OF_MEMORY.
MEDISCAN_API Tensor preprocess(const Image& image, const PreprocessSpec& spec);

/// What each byte becomes in the tensor by the recipe's scale, mean and std, as preprocess() computes it for 8-bit
/// pictures: channels x 256 values, row-major. For backends whose sessions take samples (backend.hpp). Thread-safe.
/// Throws as validate.
MEDISCAN_API std::vector<float> values_of_bytes(const PreprocessSpec& spec);

/// The SIMD level the resizer uses on this machine: "avx512", "avx2" or "portable". MEDISCAN_SIMD, read once, may lower
/// it (a wish for more than the processor has gives the best there is); any other word there is INVALID_ARGUMENT, here
/// and from preprocess.
MEDISCAN_API std::string simd_level();

}  // namespace mediscan
