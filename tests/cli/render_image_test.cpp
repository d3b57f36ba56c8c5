#include "cli/render_image.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::contains;
using test::plain;

namespace {

ImageFacts photo() {
  ImageFacts facts{600, 450, 3, 8, {}};
  facts.info.format = "jpeg";
  facts.info.decoder = "libjpeg-turbo 2.1.5";
  facts.info.source_mode = "ycck";
  facts.info.sha256 = "ab12";
  facts.info.decode_ms = 3.14;
  return facts;
}

}  // namespace

TEST_CASE("a picture is described without its pixels") {
  CHECK(render_image(photo(), "lesion.jpg", plain) ==
        R"(lesion.jpg
  format        jpeg
  size          600 x 450 pixels (0.3 megapixels)
  stored as     ycck
  decoded to    RGB, 8 bits a sample
  orientation   1 (as stored)
  decoder       libjpeg-turbo 2.1.5
  decode time   3.1 ms
  sha256        ab12
)");
}

TEST_CASE("an EXIF orientation says whether it was applied") {
  ImageFacts facts = photo();
  facts.info.exif_orientation = 6;
  facts.info.warnings = {{"EXIF_ORIENTATION", "stored on its side"}};
  CHECK(contains(render_image(facts, "x", plain), "6 (to be turned right by 90 degrees), not applied\n"));
  CHECK(contains(render_image(facts, "x", plain), "  warning       stored on its side (EXIF_ORIENTATION)\n"));
  facts.info.orientation_applied = true;
  CHECK(contains(render_image(facts, "x", plain), "90 degrees), applied\n"));
}

}  // namespace mediscan::cli
