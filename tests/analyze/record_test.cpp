// The record of truth: every field comes from the room that knows, and a simulated or stand-in answer cannot hide.
#include "analyze/record.hpp"

#include <doctest/doctest.h>

#include <mediscan/analyzer.hpp>

#include "base/hash.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

bool warns(const Result& result, std::string_view code) {
  for (const Warning& warning : result.warnings) {
    if (warning.code == code) return true;
  }
  return false;
}

Result result_with(const LoadOptions& options, const test::BundleContent& content = {}) {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path(), content);
  ModelManager manager;
  return Analyzer(manager.load(folder.path(), options)).analyze(Image::read(folder.path() / "self_test.png"));
}

TEST_CASE("the record names picture, model, recipe and what ran") {
  const auto script = test::scripted_backend("record");
  LoadOptions options;
  options.backend = "record";
  const Result result = result_with(options);
  CHECK(result.input.format == "png");
  CHECK(result.input.width == 8);
  CHECK(result.input.height == 8);
  CHECK(result.input.bits == 8);
  CHECK(result.input.sha256.size() == 64);
  CHECK(result.model.name == "tiny");
  CHECK(result.model.version == "1.2.3");
  CHECK(result.model.sha256 == base::sha256_hex(std::string_view("weights of no network")));
  CHECK(result.preprocess_sha256.size() == 64);
  CHECK(result.execution.backend == "record");
  CHECK(result.execution.backend_version == "7.8.9");
  CHECK(result.execution.device == "stage");
  CHECK(result.execution.precision == "fp32");
  CHECK_FALSE(result.execution.simulated);
  CHECK_FALSE(result.execution.fallback_reason.has_value());
  CHECK_FALSE(warns(result, "SIMULATED"));
  CHECK(result.library_version == library_version());
  CHECK(result.notice == "research use only, not a medical device");
  const Timing& t = result.timing_ms;
  CHECK(t.decode > 0);
  CHECK(t.total >= t.decode + t.preprocess + t.queue + t.inference);
}

TEST_CASE("bundles that share weights and recipe but not the order of their labels have different records") {
  const auto script = test::scripted_backend("record");
  LoadOptions options;
  options.backend = "record";
  test::BundleContent swapped;
  swapped.codes = {"nv", "mel", "bcc"};
  const Result result = result_with(options);
  const Result other = result_with(options, swapped);
  CHECK(result.model.sha256 == other.model.sha256);
  CHECK(result.model.manifest_sha256.size() == 64);
  CHECK(result.model.manifest_sha256 != other.model.manifest_sha256);
}

TEST_CASE("the total of a picture in a batch is wall time: it holds the preprocessing of the pictures after it too") {
  const test::TemporaryBundle folder;
  ModelManager manager;
  LoadOptions options;
  options.backend = "mock";
  const Analyzer analyzer(manager.load(folder.path(), options));
  test::write_png(folder.path() / "large.png", 1500, 1500, 3);
  const std::vector<Image> images = {Image::read(folder.path() / "self_test.png"),
                                     Image::read(folder.path() / "large.png")};
  const auto outcomes = analyzer.analyze_batch(images);
  const Timing& small = outcomes[0].value().timing_ms;
  CHECK(small.total >= small.decode + small.preprocess + outcomes[1].value().timing_ms.preprocess + small.inference);
}

TEST_CASE("mock, when asked for, is simulated in the record and in a warning") {
  LoadOptions options;
  options.backend = "mock";
  const Result result = result_with(options);
  CHECK(result.execution.backend == "mock");
  CHECK(result.execution.simulated);
  CHECK(warns(result, "SIMULATED"));
  CHECK_FALSE(result.execution.fallback_reason.has_value());
}

TEST_CASE("a stand-in says why it stands in") {
  const auto script = test::scripted_backend("record");
  script->open = [](const OpenRequest&) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend, "no runtime here");
  };
  LoadOptions options;
  options.backend = "record";
  options.fallback = Fallback::mock;
  const Result result = result_with(options);
  CHECK(result.execution.simulated);
  REQUIRE(result.execution.fallback_reason.has_value());
  CHECK(test::contains(*result.execution.fallback_reason, "no runtime here"));
}

TEST_CASE("the model card's warning stands in every result") {
  const auto script = test::scripted_backend("record");
  test::BundleContent content;
  content.card_warning = "trained on generated pictures";
  LoadOptions options;
  options.backend = "record";
  const Result result = result_with(options, content);
  REQUIRE(warns(result, "MODEL_CARD"));
  CHECK_FALSE(warns(result_with(options), "MODEL_CARD"));
}

}  // namespace
}  // namespace mediscan
