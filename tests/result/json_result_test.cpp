// The JSON of results and errors, word for word: its names and order are a promise to whoever parses it.
#include <doctest/doctest.h>

#include <limits>
#include <mediscan/result.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "errors.hpp"

using namespace mediscan;
using mediscan::test::contains;
using mediscan::test::error_of;
using nlohmann::ordered_json;

namespace {

Result skin_result() {
  Result result;
  result.input = {"lesion.jpg", "aa11", "jpeg", 600, 450, 8};
  result.model = {"skin-demo", "1.0.0", Domain::skin, "bb22", "cc33"};
  result.preprocess_sha256 = "cc33";
  result.execution = {"torch", "2.15.0", "cpu", "fp32", 1, false, false, std::nullopt, std::nullopt, std::nullopt};
  Finding mel;
  mel.code = "mel";
  mel.label = "melanoma";
  mel.snomed = "372244006";
  mel.logit = 2.5;
  mel.probability = 0.75;
  mel.decision = true;
  result.findings = {mel};
  result.summary.skin = SkinSummary{"mel", "melanoma", 0.75, 0.8};
  result.timing_ms = {3, 1.5, 0, 44.25, 0.125, 49};
  result.warnings = {{"MODEL_CARD", "for demonstration only"}};
  result.library_version = "0.1.0";
  return result;
}

}  // namespace

TEST_CASE("a result has the promised fields in the promised order") {
  CHECK(
      to_json(skin_result()) ==
      R"({"input":{"name":"lesion.jpg","sha256":"aa11","format":"jpeg","width":600,"height":450,"bits":8},)"
      R"("model":{"name":"skin-demo","version":"1.0.0","domain":"skin","sha256":"bb22","manifest_sha256":"cc33"},)"
      R"("preprocess":{"sha256":"cc33"},)"
      R"("execution":{"backend":"torch","backend_version":"2.15.0","device":"cpu","precision":"fp32","batch_size":1,"simulated":false,)"
      R"("cached":false,"fallback_reason":null,"precision_reason":null,"profile_reason":null},)"
      R"("findings":[{"code":"mel","label":"melanoma","snomed":"372244006","logit":2.5,"probability":0.75,"operating_point":null,)"
      R"("decision":true,"available":true}],)"
      R"("summary":{"skin":{"top_code":"mel","top_label":"melanoma","top_probability":0.75,"malignant_probability":0.8},"radiology":null},)"
      R"("timing_ms":{"decode":3.0,"preprocess":1.5,"queue":0.0,"inference":44.25,"postprocess":0.125,"total":49.0},)"
      R"("warnings":[{"code":"MODEL_CARD","message":"for demonstration only"}],)"
      R"("library_version":"0.1.0","notice":"research use only, not a medical device"})");
}

TEST_CASE("an unavailable label shows no number at all") {
  Result result = skin_result();
  Finding hernia;
  hernia.code = "hernia";
  hernia.label = "Hernia";
  hernia.available = false;
  hernia.logit = std::numeric_limits<double>::quiet_NaN();  // what an untrained head gives means nothing
  result.findings = {hernia};
  CHECK(
      ordered_json::parse(to_json(result))["findings"][0].dump() ==
      R"({"code":"hernia","label":"Hernia","snomed":null,"logit":null,"probability":null,"operating_point":null,"decision":null,"available":false})");
}

TEST_CASE("a simulated result says so, and a fallback says why") {
  Result result = skin_result();
  result.execution.simulated = true;
  result.execution.fallback_reason = "torch: no LibTorch found";
  const auto execution = ordered_json::parse(to_json(result))["execution"];
  CHECK(execution["simulated"] == true);
  CHECK(execution["fallback_reason"] == "torch: no LibTorch found");
}

TEST_CASE("a result says which precision was tried and why it was left") {
  Result result = skin_result();
  result.execution.precision_reason = "int8: this chip has none";
  CHECK(ordered_json::parse(to_json(result))["execution"]["precision_reason"] == "int8: this chip has none");
}

TEST_CASE("a result says what a profile chose") {
  Result result = skin_result();
  result.execution.profile_reason = "precision int8 from profile p.json";
  CHECK(ordered_json::parse(to_json(result))["execution"]["profile_reason"] == "precision int8 from profile p.json");
}

TEST_CASE("a result from the cache says so") {
  Result result = skin_result();
  result.execution.cached = true;
  CHECK(ordered_json::parse(to_json(result))["execution"]["cached"] == true);
}

TEST_CASE("a radiology summary lists the positive labels, or none") {
  Result result = skin_result();
  result.summary = {};
  result.summary.radiology = RadiologySummary{{"edema", "effusion"}, 3};
  CHECK(ordered_json::parse(to_json(result))["summary"].dump() ==
        R"({"skin":null,"radiology":{"positive_codes":["edema","effusion"],"unavailable":3}})");
  result.summary.radiology->positive_codes.clear();
  CHECK(ordered_json::parse(to_json(result))["summary"]["radiology"].dump() ==
        R"({"positive_codes":[],"unavailable":3})");
}

TEST_CASE("a result without findings or warnings has empty lists") {
  Result result = skin_result();
  result.findings.clear();
  result.warnings.clear();
  const auto json = ordered_json::parse(to_json(result));
  CHECK(json["findings"].dump() == "[]");
  CHECK(json["warnings"].dump() == "[]");
}

TEST_CASE("numbers keep every bit") {
  Result result = skin_result();
  result.findings[0].probability = 0.1 + 0.2;  // 0.30000000000000004
  result.findings[0].logit = static_cast<double>(0.1F);
  const auto json = ordered_json::parse(to_json(result));
  CHECK(json["findings"][0]["probability"].get<double>() == 0.1 + 0.2);
  CHECK(json["findings"][0]["logit"].get<float>() == 0.1F);
}

TEST_CASE("names that are no UTF-8 are shown with replacement characters") {
  Result result = skin_result();
  result.input.name = "l\xE9sion.jpg";  // Latin-1
  CHECK(ordered_json::parse(to_json(result))["input"]["name"] == "l\xEF\xBF\xBDsion.jpg");
  const Error error(ErrorCode::io_error, Stage::decode, "l\xE9sion.jpg: Permission denied");
  CHECK(ordered_json::parse(to_json(error, "l\xE9sion.jpg"))["input"]["name"] == "l\xEF\xBF\xBDsion.jpg");
}

TEST_CASE("a number that is not finite is a fault, and no record hides it") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto message_with = [](auto change) {
    Result result = skin_result();
    change(result);
    const auto error = error_of([&] { to_json(result); });
    CHECK(error.code() == ErrorCode::internal);
    CHECK(error.stage() == Stage::result);
    CHECK(contains(error.hint(), "report it"));
    return error.message();
  };
  CHECK(message_with([&](Result& r) { r.findings[0].logit = infinity; }) ==
        "findings[0].logit is inf, which no result may hold");
  CHECK(message_with([&](Result& r) { r.findings[0].probability = nan; }) ==
        "findings[0].probability is nan, which no result may hold");
  CHECK(message_with([&](Result& r) { r.findings[0].operating_point = nan; }) ==
        "findings[0].operating_point is nan, which no result may hold");
  CHECK(message_with([&](Result& r) { r.summary.skin->top_probability = nan; }) ==
        "summary.skin.top_probability is nan, which no result may hold");
  CHECK(message_with([&](Result& r) { r.summary.skin->malignant_probability = nan; }) ==
        "summary.skin.malignant_probability is nan, which no result may hold");
  CHECK(message_with([&](Result& r) { r.timing_ms.queue = -infinity; }) ==
        "timing_ms.queue is -inf, which no result may hold");
}

TEST_CASE("indentation changes the layout only") {
  const std::string indented = to_json(skin_result(), 2);
  CHECK(contains(indented, "{\n  \"input\": {\n    \"name\": \"lesion.jpg\","));
  CHECK(ordered_json::parse(indented).dump() == to_json(skin_result()));
  CHECK(to_json(skin_result(), -7) == to_json(skin_result()));
}

TEST_CASE("an error has its code, stage, message and hint, the input's name and the notice") {
  const Error error(ErrorCode::truncated_image, Stage::decode, "lesion.jpg: JPEG ends at byte 10240",
                    "truncated upload?");
  CHECK(
      to_json(error, "lesion.jpg") ==
      R"({"error":{"code":"TRUNCATED_IMAGE","stage":"decode","message":"lesion.jpg: JPEG ends at byte 10240","hint":"truncated upload?"},)"
      R"("input":{"name":"lesion.jpg"},"notice":"research use only, not a medical device"})");
}
