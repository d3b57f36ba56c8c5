// The one place that knows the names of a recipe's fields and values, in both directions.
#include "bundle/spec_json.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <string>

#include "bundle/names.hpp"

namespace mediscan {
namespace bundle {
namespace {

constexpr std::uint32_t max_side = 16384;  // as validate(PreprocessSpec)

constexpr std::array filters{Named<Filter>{Filter::box, "box"}, Named<Filter>{Filter::bilinear, "bilinear"},
                             Named<Filter>{Filter::bicubic, "bicubic"}, Named<Filter>{Filter::lanczos, "lanczos"}};
constexpr std::array colors{Named<ColorMode>{ColorMode::rgb, "rgb"}, Named<ColorMode>{ColorMode::gray, "gray"}};
constexpr std::array modes{Named<ResizeStep::Mode>{ResizeStep::Mode::shorter, "shorter"},
                           Named<ResizeStep::Mode>{ResizeStep::Mode::longer, "longer"},
                           Named<ResizeStep::Mode>{ResizeStep::Mode::exact, "exact"}};
constexpr std::array arithmetics{Named<ResizeStep::Arithmetic>{ResizeStep::Arithmetic::automatic, "auto"},
                                 Named<ResizeStep::Arithmetic>{ResizeStep::Arithmetic::uint8, "uint8"},
                                 Named<ResizeStep::Arithmetic>{ResizeStep::Arithmetic::float32, "float32"}};
constexpr std::array scales{Named<Scale>{Scale::unit, "unit"}, Named<Scale>{Scale::xrv, "xrv"}};
constexpr std::array layouts{Named<Layout>{Layout::nchw, "nchw"}, Named<Layout>{Layout::nhwc, "nhwc"}};

ThumbnailStep read_thumbnail(const JsonReader& reader) {
  reader.expect_fields({"max_side", "filter", "reducing_gap"});
  ThumbnailStep step;
  step.max_side = reader.field("max_side").integer32(1, max_side);
  step.filter = choice_of(reader.field("filter"), filters);
  if (const auto gap = reader.field("reducing_gap"); gap.present()) {
    step.reducing_gap = gap.number([](double v) { return v >= 1 && v <= 1000; }, "a number from 1 to 1000");
  }
  return step;
}

std::pair<std::uint32_t, std::uint32_t> read_height_width(const JsonReader& reader) {
  const auto sides = reader.elements(2, 2);  // [height, width]
  return {sides[0].integer32(1, max_side), sides[1].integer32(1, max_side)};
}

ResizeStep read_resize(const JsonReader& reader) {
  reader.expect_fields({"mode", "size", "filter", "arithmetic"});
  ResizeStep step;
  step.mode = choice_of(reader.field("mode"), modes);
  if (step.mode == ResizeStep::Mode::exact) {
    step.size = 0;
    std::tie(step.height, step.width) = read_height_width(reader.field("size"));
  } else {
    step.size = reader.field("size").integer32(1, max_side);
  }
  step.filter = choice_of(reader.field("filter"), filters);
  if (const auto field = reader.field("arithmetic"); field.present()) step.arithmetic = choice_of(field, arithmetics);
  return step;
}

/// One number a channel, or nothing.
std::vector<float> read_channel_values(const JsonReader& reader, std::uint32_t channels) {
  std::vector<float> values;
  if (!reader.present()) return values;
  if (reader.value().is_array() && reader.value().empty()) return values;
  for (const auto& element : reader.elements(channels, channels)) values.push_back(element.float32());
  return values;
}

void check_whole(const JsonReader& input, const PreprocessSpec& spec) {
  try {
    validate(spec);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    throw Error(ErrorCode::bundle_invalid, Stage::bundle,
                fmt::format("{}: {}: {}", input.document(), input.path(), error.message()), error.hint());
  }
  if (!fixed_size(spec)) {
    input.fail_found("a recipe whose tensor size depends on the picture",
                     "a crop, an exact resize, or square_crop with a resize");
  }
}

/// The shortest decimal that reads back as the same value; defined by the C++ standard, so the same for every build.
template <class Number>
std::string shortest(Number value) {
  if (!std::isfinite(value)) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "a recipe holds a number that is not finite",
                "give mean, std and reducing_gap finite values");
  }
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string numbers_json(const std::vector<float>& values) {
  std::string text = "[";
  for (const float value : values) {
    if (text.size() > 1) text += ",";
    text += shortest(value);
  }
  return text + "]";
}

std::string thumbnail_json(const std::optional<ThumbnailStep>& step) {
  if (!step) return "null";
  return fmt::format(R"({{"max_side":{},"filter":"{}","reducing_gap":{}}})", step->max_side,
                     name_in(filters, step->filter), step->reducing_gap ? shortest(*step->reducing_gap) : "null");
}

std::string resize_json(const std::optional<ResizeStep>& step) {
  if (!step) return "null";
  const std::string size = step->mode == ResizeStep::Mode::exact ? fmt::format("[{},{}]", step->height, step->width)
                                                                 : fmt::format("{}", step->size);
  return fmt::format(R"({{"mode":"{}","size":{},"filter":"{}","arithmetic":"{}"}})", name_in(modes, step->mode), size,
                     name_in(filters, step->filter), name_in(arithmetics, step->arithmetic));
}

}  // namespace

PreprocessSpec read_spec(const JsonReader& input) {
  input.expect_fields({"color", "thumbnail", "square_crop", "resize", "crop", "scale", "mean", "std", "layout"});
  PreprocessSpec spec;
  spec.color = choice_of(input.field("color"), colors);
  if (const auto field = input.field("thumbnail"); field.present()) spec.thumbnail = read_thumbnail(field);
  if (const auto field = input.field("square_crop"); field.present()) spec.square_crop = field.boolean();
  if (const auto field = input.field("resize"); field.present()) spec.resize = read_resize(field);
  if (const auto field = input.field("crop"); field.present()) {
    const auto [height, width] = read_height_width(field);
    spec.crop = CropStep{height, width};
  }
  spec.scale = choice_of(input.field("scale"), scales);
  spec.mean = read_channel_values(input.field("mean"), spec.channels());
  spec.std = read_channel_values(input.field("std"), spec.channels());
  if (const auto field = input.field("layout"); field.present()) spec.layout = choice_of(field, layouts);
  check_whole(input, spec);
  return spec;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> fixed_size(const PreprocessSpec& spec) {
  if (spec.crop) return std::pair{spec.crop->height, spec.crop->width};
  if (!spec.resize) return std::nullopt;
  if (spec.resize->mode == ResizeStep::Mode::exact) return std::pair{spec.resize->height, spec.resize->width};
  if (spec.square_crop)
    return std::pair{spec.resize->size, spec.resize->size};  // of a square both sides are the shorter
  return std::nullopt;
}

}  // namespace bundle

std::string canonical_json(const PreprocessSpec& spec) {
  using bundle::colors;
  using bundle::layouts;
  using bundle::name_in;
  using bundle::numbers_json;
  using bundle::resize_json;
  using bundle::scales;
  using bundle::thumbnail_json;
  const std::string crop = spec.crop ? fmt::format("[{},{}]", spec.crop->height, spec.crop->width) : "null";
  return fmt::format(
      R"({{"color":"{}","thumbnail":{},"square_crop":{},"resize":{},"crop":{},"scale":"{}","mean":{},"std":{},"layout":"{}"}})",
      name_in(colors, spec.color), thumbnail_json(spec.thumbnail), spec.square_crop, resize_json(spec.resize), crop,
      name_in(scales, spec.scale), numbers_json(spec.mean), numbers_json(spec.std), name_in(layouts, spec.layout));
}

}  // namespace mediscan
