#include "cli/render_result.hpp"

#include <doctest/doctest.h>

#include "cli/text.hpp"
#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::ascii;
using test::chest_result;
using test::colored;
using test::contains;
using test::finding;
using test::narrow;
using test::plain;
using test::skin_result;

namespace {

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    widest = std::max(widest, display_width(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return widest;
}

}  // namespace

TEST_CASE("a skin result shows its classes, the summary and the record") {
  CHECK(render_result(skin_result(), 10, plain) ==
        R"(lesion.jpg  600×450 · JPEG · 8-bit
  melanoma           75.0 %  ████████████████████████████▌          top
  melanocytic nevi   25.0 %  █████████▌
  dermatofibroma     <0.1 %
  Top class: melanoma 75.0 % · malignant classes together 75.0 %
  skin-demo 1.0.0 (01234567) · torch 2.15.0 · cpu · fp32 · 12.3 ms (decode 3.1,
  preprocess 0.9, inference 7.9)
  research use only, not a medical device
)");
}

TEST_CASE("a chest result shows operating points and names what is not available") {
  CHECK(render_result(chest_result(), 10, ascii) ==
        R"(lesion.jpg  600x450, JPEG, 8-bit
  Effusion    75.0 %  ####################|#########           over 50 %
  Pneumonia   12.5 %  #####               |                    under 50 %
  Not available (never trained): Fracture
  Over their operating point: Effusion
  skin-demo 1.0.0 (01234567), torch 2.15.0, cpu, fp32, 12.3 ms (decode 3.1,
  preprocess 0.9, inference 7.9)
  research use only, not a medical device
)");
}

TEST_CASE("nothing over its operating point is said in words") {
  Result result = chest_result();
  result.findings[0].decision = false;
  result.summary.radiology->positive_codes.clear();
  CHECK(contains(render_result(result, 10, plain), "  None over its operating point\n"));
}

TEST_CASE("a narrow terminal gets every label in full and no line beyond its width") {
  Result result = chest_result();
  result.findings[0].label = "actinic keratoses and intraepithelial carcinoma";
  const std::string text = render_result(result, 10, narrow);
  CHECK(widest_line(text) <= 40);
  CHECK(contains(text, "  actinic keratoses "));
  CHECK(contains(text, "\n  carcinoma\n"));
  CHECK(contains(text, " ●\n"));
}

TEST_CASE("no line is wider than the terminal at any width") {
  for (std::size_t width = 40; width <= 120; ++width) {
    CAPTURE(width);
    CHECK(widest_line(render_result(chest_result(), 10, {false, true, width})) <= width);
    CHECK(widest_line(render_result(skin_result(), 10, {false, false, width})) <= width);
  }
}

TEST_CASE("SIMULATED is loud, with the reason, and not said twice") {
  Result result = skin_result();
  result.execution.simulated = true;
  result.execution.fallback_reason = "LibTorch was not found";
  result.warnings = {{"SIMULATED", "these scores are simulated"}};
  const std::string text = render_result(result, 10, plain);
  CHECK(contains(text,
                 "  *** SIMULATED ***\n"
                 "  These scores were made up. No model looked at this picture.\n"
                 "  Why: LibTorch was not found\n"));
  CHECK_FALSE(contains(text, "Warning"));
  CHECK(contains(render_result(result, 10, colored), "\x1b[1;7;31m SIMULATED \x1b[0m"));
}

TEST_CASE("a precision that was left stands with the record, and why") {
  Result result = skin_result();
  CHECK_FALSE(contains(render_result(result, 10, plain), "Not faster"));
  result.execution.precision_reason = "bf16: this CPU has none";
  CHECK(contains(render_result(result, 10, plain), "  Not faster, because: bf16: this CPU has none\n"));
}

TEST_CASE("what a profile chose stands with the record") {
  Result result = skin_result();
  CHECK_FALSE(contains(render_result(result, 10, plain), "Chosen"));
  result.execution.profile_reason = "2 lanes of 1 thread from profile p.json";
  CHECK(contains(render_result(result, 10, plain), "  Chosen: 2 lanes of 1 thread from profile p.json\n"));
}

TEST_CASE("a real result never says SIMULATED") {
  CHECK_FALSE(contains(render_result(skin_result(), 10, plain), "SIMULATED"));
}

TEST_CASE("what is left out is counted, and a label over its operating point never is") {
  Result result = chest_result();
  result.findings.insert(result.findings.begin() + 1,
                         finding("mass", "Mass", 0.6));  // op norm: over though less probable
  result.findings[1].operating_point = 0.7;
  result.findings[2].decision = true;  // pneumonia, third by probability
  const std::string text = render_result(result, 1, plain);
  CHECK(contains(text, "  Effusion "));
  CHECK(contains(text, "  Pneumonia "));
  CHECK_FALSE(contains(text, "  Mass "));
  CHECK(contains(text, "  and 1 more, the highest 60.0 % (--all shows them)\n"));
}

TEST_CASE("warnings stand with their code") {
  Result result = skin_result();
  result.warnings = {{"EXIF_ORIENTATION", "orientation 6 was not applied"}};
  CHECK(contains(render_result(result, 10, plain), "  Warning: orientation 6 was not applied (EXIF_ORIENTATION)\n"));
}

TEST_CASE("what a batch took is said to be the batch's") {
  Result result = skin_result();
  result.execution.batch_size = 4;
  CHECK(contains(render_result(result, 10, {false, true, 200}), "inference 7.9 for 4 pictures)"));
}

TEST_CASE("names and labels from outside cannot drive the terminal") {
  Result result = skin_result();
  result.input.name = "a\x1b]0;owned\x07.jpg";
  result.findings[0].label = "mel\x1b[31m";
  result.warnings = {{"X\x1b", "w\x1b"}};
  result.model.name = "m\x1b";
  const std::string text = render_result(result, 10, plain);
  CHECK_FALSE(contains(text, "\x1b"));
  CHECK(contains(text, "a\\x1b]0;owned\\x07.jpg"));
}

TEST_CASE("without colours there is no escape sequence, with them every one is closed") {
  CHECK_FALSE(contains(render_result(skin_result(), 10, plain), "\x1b"));
  const std::string text = render_result(skin_result(), 10, colored);
  std::size_t opened = 0;
  std::size_t closed = 0;
  for (std::size_t at = 0; (at = text.find("\x1b[", at)) != std::string::npos; ++at) {
    text.compare(at, 4, "\x1b[0m") == 0 ? ++closed : ++opened;
  }
  CHECK(opened > 0);
  CHECK(opened == closed);
}

TEST_CASE("an error is what, where and what to do") {
  const Error error(ErrorCode::truncated_image, Stage::decode, "lesion.jpg: JPEG ends at byte 10240",
                    "upload it again");
  CHECK(render_error(error, plain) ==
        "mediscan: lesion.jpg: JPEG ends at byte 10240 (TRUNCATED_IMAGE)\n  hint: upload it again\n");
  CHECK(render_error({ErrorCode::internal, Stage::analyze, "m\x1b"}, plain) == "mediscan: m\\x1b (INTERNAL)\n");
}

}  // namespace mediscan::cli
