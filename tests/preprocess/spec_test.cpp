// Every contradiction in a recipe is INVALID_ARGUMENT naming its field.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <mediscan/preprocess.hpp>
#include <string>

#include "errors.hpp"

using namespace mediscan;

namespace {

PreprocessSpec complete() {
  PreprocessSpec spec;
  spec.thumbnail = ThumbnailStep{};
  spec.resize = ResizeStep{};
  spec.crop = CropStep{};
  spec.mean = {0.485F, 0.456F, 0.406F};
  spec.std = {0.229F, 0.224F, 0.225F};
  return spec;
}

struct Mistake {
  std::string field;
  std::function<void(PreprocessSpec&)> make;
};

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

const std::vector<Mistake> mistakes{
    {"color", [](auto& s) { s.color = static_cast<ColorMode>(2); }},
    {"thumbnail.max_side", [](auto& s) { s.thumbnail->max_side = 0; }},
    {"thumbnail.max_side", [](auto& s) { s.thumbnail->max_side = 16'385; }},
    {"thumbnail.filter", [](auto& s) { s.thumbnail->filter = static_cast<Filter>(4); }},
    {"thumbnail.reducing_gap", [](auto& s) { s.thumbnail->reducing_gap = 0.99; }},
    {"thumbnail.reducing_gap", [](auto& s) { s.thumbnail->reducing_gap = std::numeric_limits<double>::quiet_NaN(); }},
    {"resize.mode", [](auto& s) { s.resize->mode = static_cast<ResizeStep::Mode>(3); }},
    {"resize.filter", [](auto& s) { s.resize->filter = static_cast<Filter>(-1); }},
    {"resize.arithmetic", [](auto& s) { s.resize->arithmetic = static_cast<ResizeStep::Arithmetic>(3); }},
    {"resize.size", [](auto& s) { s.resize->size = 0; }},
    {"resize.size", [](auto& s) { s.resize->size = 16'385; }},
    {"resize.height",
     [](auto& s) {
       s.resize = ResizeStep{ResizeStep::Mode::exact, 256, 0, 5};
     }},
    {"resize.width",
     [](auto& s) {
       s.resize = ResizeStep{ResizeStep::Mode::exact, 256, 5, 0};
     }},
    {"crop.height", [](auto& s) { s.crop->height = 0; }},
    {"crop.width", [](auto& s) { s.crop->width = 16'385; }},
    {"scale", [](auto& s) { s.scale = static_cast<Scale>(2); }},
    {"mean", [](auto& s) { s.mean.pop_back(); }},
    {"mean", [](auto& s) { s.mean[1] = nan; }},
    {"std", [](auto& s) { s.std.push_back(1); }},
    {"std", [](auto& s) { s.std[2] = 0; }},
    {"std", [](auto& s) { s.std[0] = std::numeric_limits<float>::infinity(); }},
    {"mean", [](auto& s) { s.color = ColorMode::gray; }},
    {"layout", [](auto& s) { s.layout = static_cast<Layout>(2); }},
};

}  // namespace

TEST_CASE("a complete recipe is valid, and so is an empty one") {
  CHECK_NOTHROW(validate(complete()));
  CHECK_NOTHROW(validate(PreprocessSpec{}));
}

TEST_CASE("each mistake in a recipe is an error that names its field") {
  for (const Mistake& mistake : mistakes) {
    PreprocessSpec spec = complete();
    mistake.make(spec);
    CAPTURE(mistake.field);
    const Error error = test::error_of([&] { validate(spec); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(error.stage() == Stage::preprocess);
    CHECK(test::contains(error.message(), "preprocess." + mistake.field + " is "));
  }
}
