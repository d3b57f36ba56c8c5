#include "model/loaded_model.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

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

  [[nodiscard]] std::shared_ptr<LoadedModel> make() const {
    ManagerOptions manager;
    manager.threads = 1;
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
