// A picture as JSON: all that is known of it but its pixels.
#include <doctest/doctest.h>

#include <mediscan/system.hpp>

#include "image/image_data.hpp"

using namespace mediscan;

TEST_CASE("a picture has the promised fields in the promised order") {
  auto data = std::make_shared<Image::Data>();
  data->width = 600;
  data->height = 450;
  data->channels = 3;
  data->bits = 8;
  data->info = {
      "lesion.jpg", "aa", "jpeg", "libjpeg-turbo 2.1.5", "rgb", 6, false, 3.5, {{"EXIF_ORIENTATION", "stored turned"}}};
  CHECK(
      to_json(Image(data)) ==
      R"({"name":"lesion.jpg","sha256":"aa","format":"jpeg","decoder":"libjpeg-turbo 2.1.5","source_mode":"rgb","width":600,"height":450,)"
      R"("channels":3,"bits":8,"exif_orientation":6,"orientation_applied":false,"decode_ms":3.5,)"
      R"("warnings":[{"code":"EXIF_ORIENTATION","message":"stored turned"}]})");
}
