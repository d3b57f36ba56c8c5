// Reading is the exact inverse of writing, and takes nothing that was not written so.
#include "result/result_from_json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "errors.hpp"

using namespace mediscan;
using mediscan::result::result_from_json;
using mediscan::test::contains;
using mediscan::test::error_of;
using nlohmann::ordered_json;

namespace {

/// Every field has a value that no other of its type has, and each kind of optional is there and missing.
Result full_result() {
  Result result;
  result.input = {"l\u00e9sion \"1\".jpg", "aa11", "jpeg", 600, 450, 8};
  result.model = {"skin-demo", "1.0.0", Domain::skin, "bb22", "cc33"};
  result.preprocess_sha256 = "dd44";
  result.execution = {"torch", "2.15.0", "cuda:1",    "fp32",           7,
                      true,    true,     "no reason", "int8: no cause", "lanes from p.json"};
  Finding first;
  first.code = "mel";
  first.label = "melanoma";
  first.snomed = "372244006";
  first.logit = 0.1 + 0.2;
  first.probability = 1.0 / 3;
  first.operating_point = 5e-324;  // the smallest double there is
  first.decision = true;
  Finding second;
  second.code = "hernia";
  second.label = "Hernia";
  second.available = false;
  result.findings = {first, second};
  result.summary.skin = SkinSummary{"mel", "melanoma", 0.75, 0.8};
  result.summary.radiology = RadiologySummary{{"edema", "effusion"}, 3};
  result.timing_ms = {3.1, 1.5, 0.25, 44.25, 0.125, 49};
  result.warnings = {{"MODEL_CARD", "for demonstration only"}, {"EXIF_ORIENTATION", "turned\n"}};
  result.library_version = "0.1.0";
  return result;
}

/// The message of the error that reading this tree gives.
std::string refusal_of(const ordered_json& tree) {
  const Error error = error_of([&] { (void)result_from_json(tree.dump()); });
  CHECK(error.code() == ErrorCode::internal);
  CHECK(error.stage() == Stage::result);
  return error.message();
}

/// Every place in a tree.
void list_places(const ordered_json& tree, const ordered_json::json_pointer& at,
                 std::vector<ordered_json::json_pointer>& places) {
  if (!at.empty()) places.push_back(at);
  if (tree.is_object()) {
    for (const auto& item : tree.items()) list_places(item.value(), at / item.key(), places);
  } else if (tree.is_array()) {
    for (std::size_t i = 0; i < tree.size(); ++i) list_places(tree[i], at / i, places);
  }
}

}  // namespace

TEST_CASE("what was written is read back, bit by bit") {
  const Result written = full_result();
  const Result read = result_from_json(to_json(written));
  CHECK(to_json(read) == to_json(written));
  CHECK(read.findings[0].logit == 0.1 + 0.2);
  CHECK(read.findings[0].operating_point == 5e-324);
  CHECK(read.execution.cached);
  CHECK(read.model.domain == Domain::skin);
}

TEST_CASE("what does not apply is read back as nothing") {
  Result written = full_result();
  written.execution = {};
  written.findings.clear();
  written.warnings.clear();
  written.summary = {};
  CHECK(to_json(result_from_json(to_json(written))) == to_json(written));
  written.summary.skin = SkinSummary{"mel", "melanoma", 0.75, std::nullopt};
  CHECK(to_json(result_from_json(to_json(written))) == to_json(written));
}

TEST_CASE("a result with any field missing is refused by that field's name") {
  const auto whole = ordered_json::parse(to_json(full_result()));
  std::vector<ordered_json::json_pointer> places;
  list_places(whole, ordered_json::json_pointer(), places);
  CHECK(places.size() > 60);  // 10 at the top, 2 findings of 8, and so on: the walk did go inside
  for (const auto& place : places) {
    const std::string name = place.back();
    ordered_json damaged = whole;
    ordered_json& parent = damaged[place.parent_pointer()];
    if (!parent.is_object()) continue;
    parent.erase(name);
    CAPTURE(place.to_string());
    CHECK(contains(refusal_of(damaged), "." + name + " is missing"));
  }
}

TEST_CASE("a field that is unknown is refused wherever it stands") {
  const auto whole = ordered_json::parse(to_json(full_result()));
  std::vector<ordered_json::json_pointer> places{ordered_json::json_pointer()};
  list_places(whole, ordered_json::json_pointer(), places);
  for (const auto& place : places) {
    ordered_json damaged = whole;
    if (!damaged[place].is_object()) continue;
    damaged[place]["more"] = 1;
    CAPTURE(place.to_string());
    CHECK(contains(refusal_of(damaged), ".more is an unknown field"));
  }
}

TEST_CASE("a value of another type is refused wherever it stands") {
  const auto whole = ordered_json::parse(to_json(full_result()));
  std::vector<ordered_json::json_pointer> places;
  list_places(whole, ordered_json::json_pointer(), places);
  for (const auto& place : places) {
    ordered_json damaged = whole;
    damaged[place] = damaged[place].is_array() ? ordered_json::object() : ordered_json::array();
    CAPTURE(place.to_string());
    CHECK(contains(refusal_of(damaged), "expected "));
  }
}

TEST_CASE("numbers that no result can hold are refused") {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text = to_json(full_result());
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const auto message = [&](std::string_view from, std::string_view to) {
    return error_of([&] { (void)result_from_json(with(from, to)); }).message();
  };
  CHECK(contains(message("\"width\":600", "\"width\":-1"), "$.input.width is -1"));
  CHECK(contains(message("\"width\":600", "\"width\":4294967296"), "$.input.width is 4294967296"));
  CHECK(contains(message("\"width\":600", "\"width\":1.5"), "$.input.width is 1.5"));
  CHECK(contains(message("\"queue\":0.25", "\"queue\":null"), "$.timing_ms.queue is null"));
  CHECK(contains(message("\"queue\":0.25", "\"queue\":1e999"), "not valid JSON"));
  CHECK(contains(message("\"queue\":0.25", "\"queue\":NaN"), "not valid JSON"));
  CHECK(contains(message("\"logit\":null", "\"logit\":1.0"), "$.findings[1].logit is 1.0, expected null"));
  CHECK(contains(message("\"domain\":\"skin\"", "\"domain\":\"heart\""), "$.model.domain is \"heart\""));
}

TEST_CASE("text that is no JSON, ends early or goes on is refused") {
  const std::string whole = to_json(full_result());
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), whole.substr(0, whole.size() / 2),
                                  whole + "x", std::string(5000, '[')}) {
    CHECK(error_of([&] { (void)result_from_json(text); }).code() == ErrorCode::internal);
  }
}
