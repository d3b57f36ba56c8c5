// The report of a quantisation as JSON.
#include <doctest/doctest.h>

#include <mediscan/quantize.hpp>
#include <nlohmann/json.hpp>

using namespace mediscan;
using nlohmann::ordered_json;

TEST_CASE("a quantisation's report has the promised fields in the promised order") {
  QuantizeReport report;
  report.directory = "skin-int8";
  report.source = {"skin", "1.0.0", Domain::skin, "ab", "cd"};
  report.model = {"skin", "1.0.0+int8", Domain::skin, "ef", "01"};
  report.calibration = Calibration::entropy;
  report.layers = {{"conv1", -0.5, 4.5, -0.25, 4.25, 40}};
  report.agreement = {3, 2, 0.5, 0.25, 54, 53};
  report.self_test = {true, 0.125, 0.25};
  report.kept = {{"layer2.0", 0.5}};
  report.units = 8;
  report.kept_because = "it did not agree";
  report.source_weight_bytes = 400;
  report.weight_bytes = 100;
  report.unused.push_back({"no.jpg", Error(ErrorCode::empty_input, Stage::decode, "nothing", "send it again")});
  CHECK(
      to_json(report) ==
      R"({"directory":"skin-int8","source":{"name":"skin","version":"1.0.0","domain":"skin","sha256":"ab","manifest_sha256":"cd"},)"
      R"("model":{"name":"skin","version":"1.0.0+int8","domain":"skin","sha256":"ef","manifest_sha256":"01"},)"
      R"("calibration":"entropy","source_weight_bytes":400,"weight_bytes":100,)"
      R"("agreement":{"pictures":3,"same_decisions":2,"largest_difference":0.5,"mean_difference":0.25,"decisions":54,"decided_alike":53},)"
      R"("self_test":{"largest_difference":0.125,"tolerance":0.25},)"
      R"("kept_higher":{"count":1,"of":8,"because":"it did not agree","units":[{"name":"layer2.0","logit_error":0.5}]},)"
      R"("layers":[{"name":"conv1","seen":[-0.5,4.5],"range":[-0.25,4.25],"sqnr_db":40.0}],)"
      R"("unused":[{"error":{"code":"EMPTY_INPUT","stage":"decode","message":"nothing","hint":"send it again"},)"
      R"("input":{"name":"no.jpg"},"notice":"research use only, not a medical device"}],)"
      R"("notice":"research use only, not a medical device"})");
}

TEST_CASE("with nothing kept in float32 the report says so, without a reason") {
  QuantizeReport report;
  report.units = 8;
  const auto json = ordered_json::parse(to_json(report))["kept_higher"];
  CHECK(json == ordered_json::parse(R"({"count":0,"of":8,"because":null,"units":[]})"));
}

TEST_CASE("a report names paths that are no UTF-8 in valid JSON") {
  QuantizeReport report;
  report.unused.push_back({"\xff.jpg", Error(ErrorCode::empty_input, Stage::decode, "nothing")});
  CHECK(ordered_json::parse(to_json(report))["unused"][0]["input"]["name"] == "\xef\xbf\xbd.jpg");
}
