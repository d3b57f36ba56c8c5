#include "analyze/summary.hpp"

#include <doctest/doctest.h>

#include "analyze/findings.hpp"

namespace mediscan::analyze {
namespace {

Bundle skin_bundle() {
  Bundle bundle;
  bundle.domain = Domain::skin;
  bundle.labels.resize(3);
  bundle.labels[0].code = "mel";
  bundle.labels[0].label = "melanoma";
  bundle.labels[0].malignant = true;
  bundle.labels[1].code = "nv";
  bundle.labels[1].malignant = false;
  bundle.labels[2].code = "bcc";
  bundle.labels[2].malignant = true;
  return bundle;
}

TEST_CASE("skin: the top class and the probability of the malignant classes together") {
  const Bundle bundle = skin_bundle();
  const auto findings = findings_of(bundle, std::vector<float>{2.0F, 1.0F, 0.0F});
  const auto skin = summary_of(bundle, findings).skin;
  REQUIRE(skin.has_value());
  CHECK(skin->top_code == "mel");
  CHECK(skin->top_label == "melanoma");
  CHECK(skin->top_probability == *findings[0].probability);
  CHECK(*skin->malignant_probability == doctest::Approx(*findings[0].probability + *findings[2].probability));
}

TEST_CASE("skin: a bundle that marks no class malignant has no malignant probability rather than 0") {
  Bundle bundle = skin_bundle();
  for (Label& label : bundle.labels) label.malignant.reset();
  CHECK_FALSE(
      summary_of(bundle, findings_of(bundle, std::vector<float>{2, 1, 0})).skin->malignant_probability.has_value());
}

TEST_CASE("radiology: positive labels, most probable first, and how many were never trained") {
  Bundle bundle;
  bundle.domain = Domain::radiology;
  bundle.task = Task::multilabel;
  bundle.output.activation = Activation::sigmoid;
  bundle.labels.resize(4);
  const char* codes[] = {"a", "b", "c", "d"};
  for (std::size_t i = 0; i < 4; ++i) bundle.labels[i].code = codes[i];
  bundle.labels[3].available = false;
  const auto summary = summary_of(bundle, findings_of(bundle, std::vector<float>{1.0F, -1.0F, 2.0F, 9.0F}));
  REQUIRE(summary.radiology.has_value());
  CHECK(summary.radiology->positive_codes == std::vector<std::string>{"c", "a"});
  CHECK(summary.radiology->unavailable == 1);
  CHECK_FALSE(summary.skin.has_value());
}

TEST_CASE("other domains have no summary") {
  Bundle bundle = skin_bundle();
  bundle.domain = Domain::other;
  const auto summary = summary_of(bundle, findings_of(bundle, std::vector<float>{2, 1, 0}));
  CHECK_FALSE(summary.skin.has_value());
  CHECK_FALSE(summary.radiology.has_value());
}

}  // namespace
}  // namespace mediscan::analyze
