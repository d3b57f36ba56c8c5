#include "preprocess/geometry.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"

using namespace mediscan;
using recipe::geometry_of;
using recipe::Size;

TEST_CASE(
    "torchvision's evaluation of a 600x450 picture: 341x256, left 58, top 16") {  // FACTS: measured with torchvision
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.crop = CropStep{};
  const auto geometry = geometry_of({450, 600}, spec);
  CHECK(geometry.resized == Size{256, 341});
  CHECK(geometry.rows.start == 16);
  CHECK(geometry.columns.start == 58);
}

TEST_CASE("crop offsets are rounded halves to even") {  // Python: int(round((in - out) / 2))
  CHECK(recipe::centre_crop(225, 224).start == 0);      // 0.5
  CHECK(recipe::centre_crop(227, 224).start == 2);      // 1.5
  CHECK(recipe::centre_crop(229, 224).start == 2);      // 2.5
  CHECK(recipe::centre_crop(231, 224).start == 4);      // 3.5
  CHECK(recipe::centre_crop(230, 224).start == 3);
}

TEST_CASE("a picture smaller than the crop gets the odd zero behind it") {
  const auto span = recipe::centre_crop(5, 10);
  CHECK(span.pad == 2);
  CHECK(span.length == 5);
  CHECK(span.total == 10);
}

TEST_CASE("thumbnails keep the aspect ratio as Pillow rounds it") {  // PIL.Image.thumbnail of Pillow 13.0.0
  CHECK(recipe::thumbnail_size({3000, 4000}, 1024) == Size{768, 1024});
  CHECK(recipe::thumbnail_size({4000, 3000}, 1024) == Size{1024, 768});
  CHECK(recipe::thumbnail_size({450, 600}, 1024) == Size{450, 600});
  CHECK(recipe::thumbnail_size({1, 5000}, 1024) == Size{1, 1024});
  CHECK(recipe::thumbnail_size({5000, 1}, 1024) == Size{1024, 1});
  CHECK(recipe::thumbnail_size({451, 600}, 64) == Size{48, 64});
}

TEST_CASE("the square crop starts at in / 2 - side / 2 in whole numbers") {  // torchxrayvision's XRayCenterCrop
  PreprocessSpec spec;
  spec.square_crop = true;
  const auto geometry = geometry_of({301, 200}, spec);
  CHECK(geometry.square_rows.start == 50);
  CHECK(geometry.square_columns.start == 0);
  CHECK(geometry.resized == Size{200, 200});
}

TEST_CASE("mode longer makes the longer side the size and keeps at least one pixel") {
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.resize->mode = ResizeStep::Mode::longer;
  CHECK(geometry_of({450, 600}, spec).resized == Size{192, 256});
  CHECK(geometry_of({600, 450}, spec).resized == Size{256, 192});
  CHECK(geometry_of({1, 2000}, spec).resized == Size{1, 256});
}

TEST_CASE("a tensor beyond a gibibyte is refused before anything is allocated") {
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.resize->size = 16'384;
  const Error error = test::error_of([&] { (void)geometry_of({10, 10}, spec); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(error.stage() == Stage::preprocess);
  CHECK(test::contains(error.message(), "3 x 16384 x 16384 values"));
  CHECK(test::contains(error.hint(), "crop"));
}

TEST_CASE("a resized side beyond 2^31 is refused") {
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.resize->size = 16'384;
  spec.crop = CropStep{};
  const Error error = test::error_of([&] { (void)geometry_of({1, 200'000}, spec); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(test::contains(error.message(), "longer side of 3276800000"));
}
