#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "backend/builtin.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"

namespace mediscan::backend {
namespace {

struct Fixture {
  test::TemporaryBundle folder;
  Bundle bundle = Bundle::read(folder.path());
  std::shared_ptr<Backend> mock = make_mock_backend();

  [[nodiscard]] std::unique_ptr<Session> open(const std::string& device = "auto",
                                              const std::string& precision = "fp32") const {
    return mock->open({bundle, {}, device, precision, 1, 4, {}});
  }
};

std::vector<float> run(Session& session, const std::vector<float>& tensor, std::uint32_t batch = 1) {
  const std::atomic<bool> cancelled{false};
  std::vector<float> logits(std::size_t{batch} * 3);
  session.run({tensor.data(), batch, 3, 4, 4, Layout::nchw}, {logits.data(), batch, 3}, cancelled);
  return logits;
}

TEST_CASE("mock says that it is simulated wherever it is asked, and needs no weights") {
  const Fixture fixture;
  CHECK(fixture.mock->simulated());
  CHECK(fixture.mock->probe({}).simulated);
  CHECK(fixture.mock->probe({}).available);
  CHECK_FALSE(fixture.mock->needs_weights());
}

TEST_CASE("the same picture gets the same scores in any batch and session, another picture others") {
  const Fixture fixture;
  std::vector<float> a(48, 0.25F);
  std::vector<float> b(48, 0.25F);
  b[17] = 0.5F;
  const auto session = fixture.open();
  const auto of_a = run(*session, a);
  const auto of_b = run(*session, b);
  CHECK(of_a != of_b);
  CHECK(run(*fixture.open(), a) == of_a);
  std::vector<float> both = b;
  both.insert(both.end(), a.begin(), a.end());
  const auto of_both = run(*session, both, 2);
  CHECK(std::vector<float>(of_both.begin(), of_both.begin() + 3) == of_b);
  CHECK(std::vector<float>(of_both.begin() + 3, of_both.end()) == of_a);
}

TEST_CASE("scores stay from -4 to under 4 and differ from each other") {
  const Fixture fixture;
  const auto session = fixture.open();
  float lowest = 4;
  float highest = -4;
  for (int i = 0; i < 200; ++i) {
    for (const float logit : run(*session, std::vector<float>(48, static_cast<float>(i)))) {
      lowest = std::min(lowest, logit);
      highest = std::max(highest, logit);
    }
  }
  CHECK(lowest >= -4.0F);
  CHECK(highest < 4.0F);
  CHECK(lowest < -3.5F);  // of 600 uniform draws, none in the outer 1/16 has probability 1e-17
  CHECK(highest > 3.5F);
}

TEST_CASE("a device or precision it does not have is refused by name") {
  const Fixture fixture;
  const Error device = test::error_of([&] { (void)fixture.open("cuda"); });
  CHECK(device.code() == ErrorCode::backend_unavailable);
  CHECK(test::contains(device.message(), "cuda"));
  const Error precision = test::error_of([&] { (void)fixture.open("auto", "int8"); });
  CHECK(precision.code() == ErrorCode::precision_unsupported);
  CHECK(test::contains(precision.message(), "int8"));
  CHECK(test::contains(precision.message(), "fp32"));
}

}  // namespace
}  // namespace mediscan::backend
