// The checks a recipe must pass before it runs.
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <mediscan/error.hpp>
#include <mediscan/preprocess.hpp>
#include <string_view>
#include <vector>

namespace mediscan {
namespace {

constexpr std::uint32_t max_side = 16'384;

[[noreturn]] void reject(std::string_view field, std::string_view found, std::string_view expected) {
  throw Error(ErrorCode::invalid_argument, Stage::preprocess,
              fmt::format("preprocess.{} is {}, expected {}", field, found, expected),
              "correct the bundle's \"input\" or the PreprocessSpec");
}

void check_side(std::string_view field, std::uint32_t value) {
  if (value < 1 || value > max_side) reject(field, fmt::format("{}", value), fmt::format("1 to {}", max_side));
}

template <class Enum>
void check_enum(std::string_view field, Enum value, Enum last) {
  if (static_cast<int>(value) < 0 || value > last) {
    reject(field, fmt::format("{}", static_cast<int>(value)), "a value of its enumeration");
  }
}

void check_thumbnail(const ThumbnailStep& step) {
  check_side("thumbnail.max_side", step.max_side);
  check_enum("thumbnail.filter", step.filter, Filter::lanczos);
  if (step.reducing_gap && !(std::isfinite(*step.reducing_gap) && *step.reducing_gap >= 1.0)) {
    reject("thumbnail.reducing_gap", fmt::format("{}", *step.reducing_gap), "a number of at least 1, as in Pillow");
  }
}

void check_resize(const ResizeStep& step) {
  check_enum("resize.mode", step.mode, ResizeStep::Mode::exact);
  check_enum("resize.filter", step.filter, Filter::lanczos);
  check_enum("resize.arithmetic", step.arithmetic, ResizeStep::Arithmetic::float32);
  if (step.mode == ResizeStep::Mode::exact) {
    check_side("resize.height", step.height);
    check_side("resize.width", step.width);
  } else {
    check_side("resize.size", step.size);
  }
}

void check_channel_values(std::string_view field, const std::vector<float>& values, std::uint32_t channels) {
  if (!values.empty() && values.size() != channels) {
    reject(field, fmt::format("{} numbers", values.size()), fmt::format("{} (one a channel) or none", channels));
  }
  for (const float value : values) {
    if (!std::isfinite(value)) reject(field, fmt::format("{}", value), "finite numbers");
  }
}

}  // namespace

void validate(const PreprocessSpec& spec) {
  check_enum("color", spec.color, ColorMode::gray);
  if (spec.thumbnail) check_thumbnail(*spec.thumbnail);
  if (spec.resize) check_resize(*spec.resize);
  if (spec.crop) {
    check_side("crop.height", spec.crop->height);
    check_side("crop.width", spec.crop->width);
  }
  check_enum("scale", spec.scale, Scale::xrv);
  check_channel_values("mean", spec.mean, spec.channels());
  check_channel_values("std", spec.std, spec.channels());
  for (const float value : spec.std) {
    if (value == 0.0F) reject("std", "0", "numbers other than 0");
  }
  check_enum("layout", spec.layout, Layout::nhwc);
}

}  // namespace mediscan
