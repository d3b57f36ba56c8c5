#include "tuning/contender.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "model/self_test.hpp"
#include "scripted_backend.hpp"

namespace mediscan::tuning {
namespace {

using namespace std::chrono_literals;

/// A loaded model of so many lanes on the scripted backend.
struct Scene {
  explicit Scene(int lanes) {
    LoadOptions options;
    options.backend = "contending";
    options.lanes = lanes;
    options.max_batch = 2;
    ManagerOptions manager;
    manager.threads = lanes;
    model = std::make_shared<model::LoadedModel>(bundle, options, model::Environment::of(manager));
    model->load();
  }
  [[nodiscard]] Contender contender() const { return {{}, model, pictures}; }

  test::TemporaryBundle folder;
  std::shared_ptr<const Bundle> bundle = std::make_shared<const Bundle>(Bundle::read(folder.path()));
  std::shared_ptr<test::Script> script = test::scripted_backend("contending");
  std::shared_ptr<model::LoadedModel> model;
  model::SelfTestPictures pictures{*bundle, 2};
};

}  // namespace

TEST_CASE("the median is the middle one, or lies between the two in the middle") {
  CHECK(median({3}) == 3);
  CHECK(median({9, 1, 2}) == 2);
  CHECK(median({1, 9, 3, 2}) == 2.5);
}

TEST_CASE("a picture alone is timed on one lane, batches on all of them at once") {
  const Scene scene(2);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  scene.script->run = [&](const BatchInput&, const BatchOutput& output) {
    const int now = ++inside;
    if (now > most) most = now;
    std::this_thread::sleep_for(10ms);
    --inside;
    scene.script->answer(output);
  };
  Contender contender = scene.contender();
  scene.script->batches.clear();
  contender.time_alone(0.05);
  CHECK(most == 1);
  CHECK(std::ranges::count(scene.script->batches, 1U) == static_cast<std::ptrdiff_t>(scene.script->batches.size()));
  scene.script->batches.clear();
  contender.time_batches(2, 0.1);
  CHECK(most == 2);
  CHECK(std::ranges::count(scene.script->batches, 2U) == static_cast<std::ptrdiff_t>(scene.script->batches.size()));
  const auto rows = contender.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].batch_size == 2);
  CHECK(rows[0].latency_ms >= 10);
  CHECK(rows[0].pictures_per_second <= 400);  // two lanes of two pictures each 10 ms
  CHECK(rows[0].pictures_per_second > 100);   // and one lane of them would give at most 200
}

TEST_CASE("the first run of a turn does not count, and one is timed however short the turn is") {
  const Scene scene(1);
  std::atomic<int> runs{0};
  scene.script->run = [&](const BatchInput&, const BatchOutput& output) {
    std::this_thread::sleep_for(runs++ == 0 ? 200ms : 5ms);
    scene.script->answer(output);
  };
  Contender contender = scene.contender();
  contender.time_alone(0);
  CHECK(runs == 2);
  contender.time_batches(1, 0);
  CHECK(runs == 4);
  CHECK(contender.rows()[0].latency_ms < 100);
}

TEST_CASE("what a lane throws reaches the caller after all lanes have ended") {
  const Scene scene(2);
  std::atomic<int> inside{0};
  scene.script->run = [&](const BatchInput&, const BatchOutput& output) {
    ++inside;
    std::this_thread::sleep_for(5ms);
    --inside;
    if (scene.script->runs > 12) throw Error(ErrorCode::backend_failed, Stage::backend, "no more");
    scene.script->answer(output);
  };
  Contender contender = scene.contender();
  CHECK(test::error_of([&] { contender.time_batches(1, 10); }).message() == "no more");
  CHECK(inside == 0);
}

}  // namespace mediscan::tuning
