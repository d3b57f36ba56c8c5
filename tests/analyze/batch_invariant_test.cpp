// Do a picture's scores depend on what runs beside it? With LoadOptions::batch_invariant not in a single bit, on the
// real LibTorch.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <mediscan/analyzer.hpp>
#include <vector>

#include "backend/needs_libtorch.hpp"

namespace mediscan {
namespace {

std::vector<Image> example_pictures() {
  std::vector<Image> images;
  for (const auto& entry : std::filesystem::directory_iterator(MEDISCAN_SOURCE_DIR "/examples/images")) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("skin-", 0) == 0 && name.find("12mp") == std::string::npos)
      images.push_back(Image::read(entry.path()));
  }
  return images;
}

/// Logits of each picture by code, so that the order of findings does not matter.
std::vector<std::vector<double>> logits_of(const std::vector<Outcome<Result>>& outcomes, const Bundle& bundle) {
  std::vector<std::vector<double>> all;
  for (const auto& outcome : outcomes) {
    auto& row = all.emplace_back();
    for (const Label& label : bundle.labels) {
      for (const Finding& finding : outcome.value().findings) {
        if (finding.code == label.code) row.push_back(finding.logit);
      }
    }
  }
  return all;
}

struct Loaded {
  explicit Loaded(bool batch_invariant) {
    ManagerOptions options;
    options.libtorch = test::libtorch_place();
    manager = std::make_unique<ModelManager>(options);
    LoadOptions load;
    load.backend = "torch";
    load.batch_invariant = batch_invariant;
    analyzer = std::make_unique<Analyzer>(manager->load(MEDISCAN_SOURCE_DIR "/models/skin-demo", load));
  }
  [[nodiscard]] std::vector<std::vector<double>> together(const std::vector<Image>& images) const {
    return logits_of(analyzer->analyze_batch(images), analyzer->model().bundle());
  }
  [[nodiscard]] std::vector<std::vector<double>> alone(const std::vector<Image>& images) const {
    std::vector<Outcome<Result>> outcomes;
    for (const Image& image : images) outcomes.emplace_back(analyzer->analyze(image));
    return logits_of(outcomes, analyzer->model().bundle());
  }
  std::unique_ptr<ModelManager> manager;
  std::unique_ptr<Analyzer> analyzer;
};

TEST_CASE("batch-invariant scores are the same to the last bit alone and in any company") {
  if (!test::has_libtorch()) return;
  const auto images = example_pictures();
  REQUIRE(images.size() >= 5);
  const Loaded model(true);
  const auto alone = model.alone(images);
  CHECK(model.together(images) == alone);
  std::vector<Job> jobs;  // and when they come from many at once
  for (int round = 0; round < 4; ++round) {
    for (const Image& image : images) jobs.push_back(model.analyzer->submit(image));
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Outcome<Result>& outcome = jobs[i].outcome();
    CHECK(outcome.value().execution.batch_size == 1);
    CHECK(logits_of({outcome}, model.analyzer->model().bundle()).front() == alone[i % images.size()]);
  }
}

TEST_CASE("without it a batch may move the last bits, and no more") {
  if (!test::has_libtorch()) return;
  const auto images = example_pictures();
  const Loaded model(false);
  const auto alone = model.alone(images);
  const auto together = model.together(images);
  double largest = 0;
  for (std::size_t i = 0; i < alone.size(); ++i) {
    for (std::size_t k = 0; k < alone[i].size(); ++k) {
      largest = std::max(largest, std::abs(alone[i][k] - together[i][k]));
    }
  }
  MESSAGE("largest difference of a logit between alone and in a batch: ", largest);
  CHECK(largest < 1e-4);  // the project's tolerance of logits
}

}  // namespace
}  // namespace mediscan
