// A backend that throws, hangs, returns NaN or breaks for good: the job gets a typed error, the lane recovers or the
// model is FAILED with its reason, and others go on.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <future>
#include <mediscan/analyzer.hpp>
#include <thread>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

using namespace std::chrono_literals;
using test::error_of;

struct Fixture {
  explicit Fixture(std::chrono::milliseconds hang_timeout = 60s) {
    test::write_bundle(folder.path() / "faulty");
    test::write_bundle(folder.path() / "sound");
    ManagerOptions manager_options;
    manager_options.threads = 2;  // so that lanes take turns, and one that hangs holds the turn
    manager = std::make_unique<ModelManager>(manager_options);
    LoadOptions options;
    options.backend = "faults";
    options.hang_timeout = hang_timeout;
    faulty = std::make_unique<Analyzer>(manager->load(folder.path() / "faulty", options));
    options.backend = "sound";
    sound = std::make_unique<Analyzer>(manager->load(folder.path() / "sound", options));
  }
  [[nodiscard]] Image picture() const { return Image::read(folder.path() / "sound" / "self_test.png"); }
  [[nodiscard]] Error failure() const {
    return error_of([&] { (void)faulty->submit(picture()).get(); });
  }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("faults");
  std::shared_ptr<test::Script> other = test::scripted_backend("sound");
  std::unique_ptr<ModelManager> manager;
  std::unique_ptr<Analyzer> faulty;
  std::unique_ptr<Analyzer> sound;
};

TEST_CASE("whatever a backend throws is its job's error, and the lane serves on") {
  const Fixture fixture;
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::runtime_error("kernel panic"); };
  const Error thrown = fixture.failure();
  CHECK(thrown.code() == ErrorCode::backend_failed);
  CHECK(test::contains(thrown.message(), "kernel panic"));
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw 42; };
  CHECK(fixture.failure().code() == ErrorCode::backend_failed);
  fixture.script->run = nullptr;
  CHECK(fixture.faulty->submit(fixture.picture()).outcome().has_value());
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::bad_alloc(); };
  CHECK(fixture.failure().code() == ErrorCode::out_of_memory);
  fixture.script->run = nullptr;
  CHECK(fixture.faulty->submit(fixture.picture()).outcome().has_value());
  CHECK(fixture.faulty->model().status().state == ModelState::ready);
}

TEST_CASE("NaN, and a row that was never written, is no result") {
  const Fixture fixture;
  fixture.script->run = [](const BatchInput&, const BatchOutput& output) { output.logits[1] = std::nanf(""); };
  CHECK(fixture.failure().code() == ErrorCode::backend_failed);
  fixture.script->run = [](const BatchInput&, const BatchOutput&) {};
  CHECK(fixture.failure().code() == ErrorCode::backend_failed);
  fixture.script->run = nullptr;
  CHECK(fixture.faulty->submit(fixture.picture()).outcome().has_value());
}

TEST_CASE("pictures that keep failing do not take down a session that passes its self-test") {
  const Fixture fixture;
  fixture.script->run = [&](const BatchInput& input, const BatchOutput& output) {
    const bool dark = std::all_of(input.data, input.data + std::size_t{input.channels} * input.height * input.width,
                                  [](float value) { return value == 0; });
    if (dark) throw std::runtime_error("black picture");
    fixture.script->answer(output);
  };
  const std::vector<std::uint8_t> pixels(std::size_t{8} * 8 * 3);
  const Image black = Image::from_pixels({pixels.data(), 8, 8, 3, 8, 0}, "night");
  for (int i = 0; i < 20; ++i) CHECK_FALSE(fixture.faulty->submit(black).outcome().has_value());
  CHECK(fixture.faulty->model().status().state == ModelState::ready);
  CHECK(fixture.faulty->submit(fixture.picture()).outcome().has_value());
}

TEST_CASE("a session that fails its self-test in service is FAILED with the reason, and a new load serves again") {
  const Fixture fixture;
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::runtime_error("the device is gone"); };
  std::vector<ErrorCode> codes;
  for (int i = 0; i < 6; ++i) {
    try {
      (void)fixture.faulty->submit(fixture.picture()).get();
    } catch (const Error& error) {
      codes.push_back(error.code());
    }
  }
  REQUIRE(codes.size() == 6);
  CHECK(codes.front() == ErrorCode::backend_failed);
  CHECK(codes.back() == ErrorCode::not_ready);
  const ModelStatus status = fixture.faulty->model().status();
  CHECK(status.state == ModelState::failed);
  CHECK(test::contains(status.reason, "the device is gone"));
  CHECK(fixture.script->closed == 1);
  CHECK(fixture.sound->submit(fixture.picture()).outcome().has_value());

  fixture.script->run = nullptr;
  LoadOptions options;
  options.backend = "faults";
  const Analyzer again(fixture.manager->load(fixture.folder.path() / "faulty", options));
  CHECK(again.submit(fixture.picture()).outcome().has_value());
}

TEST_CASE("a backend that hangs: its jobs get errors, the model is FAILED, other models go on, destruction is safe") {
  auto fixture = std::make_unique<Fixture>(100ms);
  std::promise<void> come_back;
  std::promise<void> hangs;
  fixture->script->run = [&, future = come_back.get_future().share()](const BatchInput&, const BatchOutput&) {
    hangs.set_value();
    future.wait();
  };
  const auto script = fixture->script;
  const Job stuck = fixture->faulty->submit(fixture->picture());
  hangs.get_future().wait();
  const Job behind = fixture->faulty->submit(fixture->picture());
  const Job with_deadline = fixture->faulty->submit(fixture->picture(), {.timeout = 30ms});
  CHECK(error_of([&] { (void)with_deadline.get(); }).code() == ErrorCode::deadline_exceeded);
  CHECK(error_of([&] { (void)stuck.get(); }).code() == ErrorCode::backend_failed);
  CHECK(error_of([&] { (void)behind.get(); }).code() == ErrorCode::backend_failed);
  const ModelStatus status = fixture->faulty->model().status();
  CHECK(status.state == ModelState::failed);
  CHECK(test::contains(status.reason, "100 ms"));
  CHECK(error_of([&] { (void)fixture->faulty->submit(fixture->picture()); }).code() == ErrorCode::not_ready);
  CHECK(fixture->sound->submit(fixture->picture()).wait_for(10s));  // although the other one held the turn
  fixture->faulty.reset();
  fixture->manager.reset();  // with the backend still in its batch
  CHECK(script->closed == 0);
  come_back.set_value();
  while (script->closed == 0) std::this_thread::yield();  // and what comes back is tidied up
}

TEST_CASE("a hung model's place can be taken by a fresh one through a swap") {
  Fixture fixture(50ms);
  std::promise<void> come_back;
  std::atomic<bool> hang{true};
  fixture.script->run = [&, future = come_back.get_future().share()](const BatchInput&, const BatchOutput& output) {
    if (hang) future.wait();
    fixture.script->answer(output);
  };
  const Job stuck = fixture.faulty->submit(fixture.picture());
  CHECK(error_of([&] { (void)stuck.get(); }).code() == ErrorCode::backend_failed);
  hang = false;
  fixture.manager->swap(fixture.faulty->model(), fixture.folder.path() / "faulty");
  CHECK(fixture.faulty->submit(fixture.picture()).outcome().has_value());
  come_back.set_value();
  while (fixture.script->closed == 0) std::this_thread::yield();
}

TEST_CASE("a backend that throws while it opens fails the load, in the background too, and nothing hangs on it") {
  const Fixture fixture;
  fixture.script->open = [](const OpenRequest&) { throw 7; };
  test::write_bundle(fixture.folder.path() / "third");
  LoadOptions options;
  options.backend = "faults";
  const Model model = fixture.manager->load_async(fixture.folder.path() / "third", options);
  CHECK(error_of([&] { model.wait(); }).code() == ErrorCode::backend_failed);
  CHECK(model.status().state == ModelState::failed);
  CHECK(fixture.sound->submit(fixture.picture()).outcome().has_value());
}

}  // namespace
}  // namespace mediscan
