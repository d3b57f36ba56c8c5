#include "model/loaded_model.hpp"

#include <doctest/doctest.h>

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

  [[nodiscard]] std::unique_ptr<LoadedModel> make() const {
    return std::make_unique<LoadedModel>(Bundle::read(folder.path()), options, Environment{{1, "option"}, {}, {}});
  }
};

TEST_CASE("loading proves the network and warms every batch size in use") {
  const Fixture fixture;
  const auto model = fixture.make();
  CHECK(model->state() == ModelState::loading);
  model->load();
  CHECK(model->state() == ModelState::ready);
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1, 2, 4});
}

TEST_CASE("a failed load is FAILED with its reason, frees the session and takes no work") {
  const Fixture fixture;
  fixture.script->logits = {0.5F, 1.5F, 9.0F};
  const auto model = fixture.make();
  CHECK(error_of([&] { model->load(); }).code() == ErrorCode::self_test_failed);
  CHECK(model->status().state == ModelState::failed);
  CHECK(test::contains(model->status().reason, "self-test"));
  CHECK(fixture.script->closed == 1);
  const Error error = error_of([&] { model->run({}, {}); });
  CHECK(error.code() == ErrorCode::not_ready);
  CHECK(test::contains(error.message(), "FAILED"));
  CHECK_FALSE(model->unload());
}

TEST_CASE("whatever a session throws is an Error, and the session serves on") {
  const Fixture fixture;
  const auto model = fixture.make();
  model->load();
  std::vector<float> tensor(3 * 4 * 4);
  std::vector<float> logits(3);
  const BatchInput input{tensor.data(), 1, 3, 4, 4, Layout::nchw};
  const BatchOutput output{logits.data(), 1, 3};
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::runtime_error("kernel panic"); };
  const Error thrown = error_of([&] { model->run(input, output); });
  CHECK(thrown.code() == ErrorCode::backend_failed);
  CHECK(test::contains(thrown.message(), "kernel panic"));
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw 42; };
  CHECK(error_of([&] { model->run(input, output); }).code() == ErrorCode::backend_failed);
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::bad_alloc(); };
  CHECK(error_of([&] { model->run(input, output); }).code() == ErrorCode::out_of_memory);
  fixture.script->run = nullptr;
  model->run(input, output);
  CHECK(logits == fixture.script->logits);
}

TEST_CASE("a model that is dropped without unloading frees its session") {
  const Fixture fixture;
  fixture.make()->load();
  CHECK(fixture.script->opened == 1);
  CHECK(fixture.script->closed == 1);
}

}  // namespace
}  // namespace mediscan::model
