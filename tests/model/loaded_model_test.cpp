#include "model/loaded_model.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "scripted_backend.hpp"

namespace mediscan::model {
namespace {

using test::error_of;

struct Fixture {
  explicit Fixture(int max_batch = 4) {
    test::write_bundle(folder.path());
    options.backend = "loaded";
    options.max_batch = max_batch;
  }
  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("loaded");
  LoadOptions options;

  [[nodiscard]] std::shared_ptr<LoadedModel> make(int threads = 1) const {
    ManagerOptions manager;
    manager.threads = threads;
    return std::make_shared<LoadedModel>(std::make_shared<const Bundle>(Bundle::read(folder.path())), options,
                                         Environment::of(manager));
  }
};

TEST_CASE("loading proves the network and warms every batch size in use") {
  const Fixture fixture;
  const auto model = fixture.make();
  CHECK(model->state() == ModelState::loading);
  CHECK_FALSE(model->lease());
  model->load();
  CHECK(model->state() == ModelState::ready);
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1, 2, 4});
  const ModelStatus status = model->status();
  CHECK(status.progress == 1);
  REQUIRE(status.latencies.size() == 3);
  CHECK(status.latencies[2].batch_size == 4);
  CHECK(status.latencies[2].samples == 0);  // the cold run alone
}

TEST_CASE("every lane opens a session of its own, with its part of the threads, and proves it") {
  Fixture fixture(2);
  fixture.options.lanes = 3;
  std::vector<int> threads;
  std::vector<std::thread::id> on;
  fixture.script->open = [&](const OpenRequest& request) {
    threads.push_back(request.threads);
    on.push_back(std::this_thread::get_id());
  };
  fixture.script->memory_bytes = 1000;
  const auto model = fixture.make(8);
  model->load();
  CHECK(threads == std::vector<int>{2, 2, 2});
  CHECK((on[0] != on[1] && on[1] != on[2] && on[0] != on[2]));
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1, 2, 1, 2, 1, 2});
  CHECK(model->status().lanes == 3);
  CHECK(model->status().threads == 2);
  CHECK(model->memory_bytes() == 3000);
  CHECK(model->environment().memory->used() == 3000);
  CHECK(model->unload());
  CHECK(fixture.script->closed == 3);
}

TEST_CASE("a lane whose session does not agree fails the load, and no session is left") {
  Fixture fixture(1);
  fixture.options.lanes = 2;
  fixture.script->run = [&](const BatchInput&, const BatchOutput& output) {
    fixture.script->answer(output);
    if (fixture.script->opened == 2) output.logits[0] += 1;
  };
  const auto model = fixture.make(2);
  CHECK(error_of([&] { model->load(); }).code() == ErrorCode::self_test_failed);
  CHECK(model->state() == ModelState::failed);
  CHECK(fixture.script->closed == 2);
  CHECK(model->environment().memory->used() == 0);
}

TEST_CASE("the other lanes take the precision that the first one was left with") {
  Fixture fixture(1);
  test::BundleContent content;
  content.allowed_precisions = {"int8"};
  test::write_bundle(fixture.folder.path(), content);
  fixture.options.precision = "auto";
  fixture.options.lanes = 2;
  fixture.script->precisions = {"int8", "fp32"};
  fixture.script->logits_at = {{"int8", {1.5F, 0.5F, -1.0F}}};  // another top class
  std::vector<std::string> opened;
  fixture.script->open = [&](const OpenRequest& request) { opened.push_back(request.precision); };
  const auto model = fixture.make(2);
  model->load();
  CHECK(opened == std::vector<std::string>{"int8", "fp32", "fp32"});
  CHECK(model->execution().precision == "fp32");
}

TEST_CASE("a batch-invariant model knows no batch but one picture's") {
  Fixture fixture;
  fixture.options.batch_invariant = true;
  const auto model = fixture.make();
  model->load();
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1});
}

TEST_CASE("a failed load is FAILED with its reason, frees the session and takes no work") {
  const Fixture fixture;
  fixture.script->logits = {0.5F, 1.5F, 9.0F};
  const auto model = fixture.make();
  CHECK(error_of([&] { model->load(); }).code() == ErrorCode::self_test_failed);
  CHECK(model->status().state == ModelState::failed);
  CHECK(test::contains(model->status().reason, "self-test"));
  CHECK(fixture.script->closed == 1);
  CHECK_FALSE(model->lease());
  CHECK_FALSE(model->unload());
  CHECK(model->environment().memory->used() == 0);
}

/// A bundle that allows int8 and bf16 within 0.02, on a device that has both; the script says what each answers.
struct PrecisionFixture : Fixture {
  explicit PrecisionFixture(const std::string& precision) {
    test::BundleContent content;
    content.allowed_precisions = {"bf16", "int8"};
    test::write_bundle(folder.path(), content);
    options.precision = precision;
    script->precisions = {"int8", "bf16", "fp32"};
  }
  const std::vector<float> near = {0.52F, 1.5F, -1.0F};  // within 0.02 of the bundle's probabilities
  const std::vector<float> wrong = {1.5F, 0.5F, -1.0F};  // another top class
};

TEST_CASE("a precision that agrees with fp32 serves, and nothing was left") {
  for (const char* precision : {"int8", "auto"}) {
    PrecisionFixture fixture(precision);
    fixture.script->logits_at = {{"int8", fixture.near}};
    const auto model = fixture.make();
    model->load();
    CHECK(model->execution().precision == "int8");
    CHECK_FALSE(model->execution().precision_reason.has_value());
    CHECK(model->status().self_test.tolerance == 0.02);
    CHECK(model->status().self_test.largest_difference > 0.001);  // of a probability
  }
}

TEST_CASE("a precision asked for by name that does not agree fails the load") {
  PrecisionFixture fixture("int8");
  fixture.script->logits_at = {{"int8", fixture.wrong}};
  const auto model = fixture.make();
  CHECK(error_of([&] { model->load(); }).code() == ErrorCode::self_test_failed);
  CHECK(model->state() == ModelState::failed);
  CHECK(fixture.script->opened == 1);
  CHECK(fixture.script->closed == 1);
}

TEST_CASE("with auto the next precision is taken, and the record says which was tried and why it was left") {
  PrecisionFixture fixture("auto");
  fixture.script->logits_at = {{"int8", fixture.wrong}, {"bf16", fixture.near}};
  const auto model = fixture.make();
  model->load();
  CHECK(model->execution().precision == "bf16");
  REQUIRE(model->execution().precision_reason.has_value());
  CHECK(model->execution().precision_reason->starts_with("int8: "));
  CHECK(test::contains(*model->execution().precision_reason, "at int8 and batch size 1"));
  CHECK(fixture.script->opened == 2);
  CHECK(fixture.script->closed == 1);  // the one that was left holds no memory
  CHECK(model->status().execution.precision_reason == model->execution().precision_reason);
}

TEST_CASE("with auto fp32 is the last resort, as strict as ever") {
  PrecisionFixture fixture("auto");
  fixture.script->logits_at = {{"int8", fixture.wrong}, {"bf16", fixture.wrong}};
  const auto model = fixture.make();
  model->load();
  CHECK(model->execution().precision == "fp32");
  CHECK(test::contains(*model->execution().precision_reason, "; bf16: "));
  fixture.script->logits = {0.5F, 1.5F, -1.01F};
  const auto broken = fixture.make();
  CHECK(error_of([&] { broken->load(); }).code() == ErrorCode::self_test_failed);
}

TEST_CASE("when the only precision that opens a bundle does not agree, it is the self-test that failed") {
  PrecisionFixture fixture("auto");
  fixture.options.fallback = Fallback::mock;  // which must not hide it
  fixture.script->precisions = {"int8"};
  fixture.script->logits_at = {{"int8", fixture.wrong}};
  const Error error = error_of([&] { fixture.make()->load(); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(test::contains(error.message(), "at int8 and batch size 1"));
  CHECK(test::contains(error.message(), "loaded has no fp32"));
}

TEST_CASE("a failure that is no disagreement is not hidden by another precision") {
  PrecisionFixture fixture("auto");
  fixture.script->run = [](const BatchInput&, const BatchOutput&) {
    throw std::runtime_error("the device is on fire");
  };
  CHECK(error_of([&] { fixture.make()->load(); }).code() == ErrorCode::backend_failed);
  CHECK(fixture.script->opened == 1);
}

TEST_CASE("a lease keeps the model in service: eviction is refused, unloading waits") {
  const Fixture fixture;
  const auto model = fixture.make();
  model->load();
  auto lease = model->lease();
  REQUIRE(lease);
  CHECK_FALSE(model->unload_if_idle());
  CHECK(model->state() == ModelState::ready);
  std::atomic<bool> unloaded{false};
  std::thread unloader([&] {
    model->unload();
    unloaded = true;
  });
  while (model->state() != ModelState::unloading) std::this_thread::yield();
  CHECK_FALSE(model->lease());
  auto second = lease.share();  // who has one may share it even now
  lease = {};
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK_FALSE(unloaded);
  second = {};
  unloader.join();
  CHECK(model->state() == ModelState::unloaded);
  CHECK(fixture.script->closed == 1);
}

TEST_CASE("a model that is dropped without unloading frees its session") {
  const Fixture fixture;
  fixture.make()->load();
  CHECK(fixture.script->opened == 1);
  CHECK(fixture.script->closed == 1);
}

}  // namespace
}  // namespace mediscan::model
