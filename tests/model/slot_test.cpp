// Background loads, hot swaps, eviction and return, through the public manager.
#include "model/slot.hpp"

#include <doctest/doctest.h>

#include <atomic>
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
  explicit Fixture(ManagerOptions manager_options = {}) : manager(std::move(manager_options)) {
    for (const char* name : {"a", "b", "c"}) {
      test::BundleContent content;
      content.name = name;
      test::write_bundle(folder.path() / name, content);
    }
    options.backend = "slot";
    options.max_batch = 2;
  }
  [[nodiscard]] Image picture() const { return Image::read(folder.path() / "a" / "self_test.png"); }
  [[nodiscard]] std::filesystem::path broken() const {
    test::BundleContent content;
    content.name = "broken";
    content.self_test_logits = {9, 9, 9};
    test::write_bundle(folder.path() / "broken", content);
    return folder.path() / "broken";
  }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("slot");
  LoadOptions options;
  ModelManager manager;
};

TEST_CASE("a model that loads in the background tells its progress, and work that comes meanwhile waits for it") {
  Fixture fixture;
  std::promise<void> go;
  fixture.script->open = [future = go.get_future().share()](const OpenRequest&) { future.wait(); };
  const Model model = fixture.manager.load_async(fixture.folder.path() / "a", fixture.options);
  CHECK(model.bundle().name == "a");
  CHECK_FALSE(model.wait_for(20ms));
  CHECK(model.status().state == ModelState::loading);
  CHECK(model.status().progress < 1);
  CHECK_FALSE(model.status().phase.empty());
  const Analyzer analyzer(model);
  const Job job = analyzer.submit(fixture.picture());
  auto waiting = std::async(std::launch::async, [&] { return analyzer.analyze(fixture.picture()); });
  CHECK(job.state() == JobState::received);
  const Model same = fixture.manager.load_async(fixture.folder.path() / "a", fixture.options);
  CHECK(same.slot() == model.slot());
  go.set_value();
  model.wait();
  CHECK(job.get().model.name == "a");
  CHECK(waiting.get().model.name == "a");
  CHECK(model.status().progress == 1);
  CHECK(fixture.script->opened == 1);
}

TEST_CASE("work that waited for a load that fails gets its error, and so does who waits for the model") {
  Fixture fixture;
  std::promise<void> go;
  fixture.script->open = [future = go.get_future().share()](const OpenRequest&) {
    future.wait();
    throw std::runtime_error("no luck");
  };
  const Model model = fixture.manager.load_async(fixture.folder.path() / "a", fixture.options);
  const Analyzer analyzer(model);
  const Job job = analyzer.submit(fixture.picture());
  go.set_value();
  CHECK(error_of([&] { model.wait(); }).code() == ErrorCode::backend_failed);
  CHECK(test::contains(error_of([&] { (void)job.get(); }).message(), "no luck"));
  CHECK(model.status().state == ModelState::failed);
  const Error later = error_of([&] { (void)analyzer.submit(fixture.picture()); });
  CHECK(later.code() == ErrorCode::not_ready);
  CHECK(test::contains(later.message(), "no luck"));
}

TEST_CASE("a job that is cancelled while its model loads ends at once") {
  Fixture fixture;
  std::promise<void> go;
  fixture.script->open = [future = go.get_future().share()](const OpenRequest&) { future.wait(); };
  const Model model = fixture.manager.load_async(fixture.folder.path() / "a", fixture.options);
  const Job job = Analyzer(model).submit(fixture.picture());
  CHECK(job.cancel());
  CHECK(error_of([&] { (void)job.get(); }).code() == ErrorCode::cancelled);
  go.set_value();
  model.wait();
  CHECK(fixture.manager.drain(10s));  // the loading thread lets go of it after it has woken who waits
  CHECK(fixture.manager.engine_status().jobs == 0);
}

TEST_CASE("faults of the manifest are thrown by load_async itself") {
  Fixture fixture;
  CHECK(error_of([&] { (void)fixture.manager.load_async(fixture.folder.path() / "nowhere"); }).code() ==
        ErrorCode::not_found);
}

TEST_CASE("a swap puts another bundle in the model's place, for every copy, and frees the old one") {
  Fixture fixture;
  const Model model = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  const Model copy = model;
  const Analyzer analyzer(copy);
  const Bundle& old_bundle = copy.bundle();
  CHECK(analyzer.analyze(fixture.picture()).model.name == "a");
  fixture.manager.swap(model, fixture.folder.path() / "b");
  CHECK(analyzer.analyze(fixture.picture()).model.name == "b");
  CHECK(copy.bundle().name == "b");
  CHECK(old_bundle.name == "a");  // still valid
  CHECK(copy.status().swaps == 1);
  CHECK(fixture.script->opened == 2);
  CHECK(fixture.script->closed == 1);
  CHECK(fixture.manager.status().size() == 1);
  // The place goes by its new bundle: the old one, asked for again, is another model.
  CHECK(fixture.manager.load(fixture.folder.path() / "b", fixture.options).slot() == model.slot());
  CHECK(fixture.manager.load(fixture.folder.path() / "a", fixture.options).slot() != model.slot());
}

TEST_CASE("a swap to a broken bundle is rolled back: the old one serves on") {
  Fixture fixture;
  const Model model = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  const Error error = error_of([&] { fixture.manager.swap(model, fixture.broken()); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(Analyzer(model).analyze(fixture.picture()).model.name == "a");
  CHECK(model.status().state == ModelState::ready);
  CHECK(model.status().swaps == 0);
  CHECK(fixture.script->closed == 1);
  fixture.manager.swap(model, fixture.folder.path() / "b");  // and can be swapped still
  CHECK(model.bundle().name == "b");
}

TEST_CASE("no request fails because of swaps, good or bad, and each record names what really ran") {
  Fixture fixture;
  const auto broken = fixture.broken();
  const Model model = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  const Analyzer analyzer(model);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i) {
    users.emplace_back([&, i] {
      const Image image = fixture.picture();
      while (!stop) {
        try {
          const std::string name = (i % 2 == 0 ? analyzer.analyze(image) : analyzer.submit(image).get()).model.name;
          ++(name == "a" || name == "b" ? good : bad);
        } catch (const Error&) {
          ++bad;
        }
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    fixture.manager.swap(model, fixture.folder.path() / (round % 2 == 0 ? "b" : "a"));
    CHECK_THROWS_AS(fixture.manager.swap(model, broken), Error);
  }
  stop = true;
  for (auto& user : users) user.join();
  CHECK(bad == 0);
  CHECK(good > 0);
  CHECK(model.status().swaps == 10);
}

TEST_CASE("a swap while another is in flight is OVERLOADED, and one of a stranger's model NOT_READY") {
  Fixture fixture;
  const Model model = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  std::promise<void> opening;
  std::promise<void> go;
  fixture.script->open = [&, future = go.get_future().share()](const OpenRequest&) {
    opening.set_value();
    future.wait();
  };
  auto first = std::async(std::launch::async, [&] { fixture.manager.swap(model, fixture.folder.path() / "b"); });
  opening.get_future().wait();
  CHECK(test::contains(model.status().phase, "swapping"));
  CHECK(error_of([&] { fixture.manager.swap(model, fixture.folder.path() / "c"); }).code() == ErrorCode::overloaded);
  go.set_value();
  first.get();
  ModelManager stranger;
  CHECK(error_of([&] { stranger.swap(model, fixture.folder.path() / "c"); }).code() == ErrorCode::not_ready);
}

ManagerOptions room_for(std::uint64_t bytes) {
  ManagerOptions options;
  options.threads = 1;  // no turns: what is held in these tests holds up its own model alone
  options.max_model_bytes = bytes;
  return options;
}

TEST_CASE("when models do not fit, the one idle longest gives its memory back and returns on use") {
  Fixture fixture(room_for(250));
  fixture.script->memory_bytes = 100;
  const Model a = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  const Model b = fixture.manager.load(fixture.folder.path() / "b", fixture.options);
  (void)Analyzer(a).analyze(fixture.picture());  // so b is the one idle longest
  const Model c = fixture.manager.load(fixture.folder.path() / "c", fixture.options);
  CHECK(b.status().state == ModelState::evicted);
  CHECK(b.status().evictions == 1);
  CHECK(fixture.manager.engine_status().model_bytes == 200);
  CHECK(fixture.manager.load(fixture.folder.path() / "b", fixture.options).slot() == b.slot());

  CHECK(Analyzer(b).submit(fixture.picture()).get().model.name == "b");  // back, in the background
  CHECK(a.status().state == ModelState::evicted);
  CHECK(Analyzer(a).analyze(fixture.picture()).model.name == "a");  // back, on the caller's thread
  CHECK(fixture.manager.engine_status().model_bytes == 200);
}

TEST_CASE("a model in use is not evicted: the other one finds no room, and the first never notices") {
  Fixture fixture(room_for(150));
  fixture.script->memory_bytes = 100;
  const Model a = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  std::promise<void> running;
  std::promise<void> go;
  fixture.script->run = [&, future = go.get_future().share()](const BatchInput&, const BatchOutput& output) {
    running.set_value();
    future.wait();
    fixture.script->answer(output);
  };
  const Job job = Analyzer(a).submit(fixture.picture());
  running.get_future().wait();
  const Error error = error_of([&] { (void)fixture.manager.load(fixture.folder.path() / "b", fixture.options); });
  CHECK(error.code() == ErrorCode::overloaded);
  go.set_value();
  CHECK(job.get().model.name == "a");
  fixture.manager.unload(a);  // ends the lane, which uses the script
  fixture.script->run = nullptr;
  CHECK(fixture.manager.load(fixture.folder.path() / "b", fixture.options).status().state == ModelState::ready);
}

TEST_CASE("a bundle larger than all the room is LIMIT_EXCEEDED") {
  Fixture fixture(room_for(10));
  CHECK(error_of([&] { (void)fixture.manager.load(fixture.folder.path() / "a", fixture.options); }).code() ==
        ErrorCode::limit_exceeded);
}

TEST_CASE("a manager that drains finishes what it accepted and takes no more") {
  Fixture fixture;
  const Model model = fixture.manager.load(fixture.folder.path() / "a", fixture.options);
  std::promise<void> running;
  std::promise<void> go;
  fixture.script->run = [&, future = go.get_future().share()](const BatchInput&, const BatchOutput& output) {
    running.set_value();
    future.wait();
    fixture.script->answer(output);
  };
  const Analyzer analyzer(model);
  const Job job = analyzer.submit(fixture.picture());
  running.get_future().wait();
  CHECK_FALSE(fixture.manager.drain(10ms));
  CHECK(fixture.manager.engine_status().shutting_down);
  CHECK(error_of([&] { (void)analyzer.submit(fixture.picture()); }).code() == ErrorCode::shut_down);
  CHECK(error_of([&] { (void)analyzer.analyze(fixture.picture()); }).code() == ErrorCode::shut_down);
  go.set_value();
  CHECK(fixture.manager.drain(10s));
  CHECK(job.get().model.name == "a");
}

TEST_CASE("options out of range are refused by name") {
  ManagerOptions no_jobs;
  no_jobs.max_jobs = 0;
  ManagerOptions no_bytes;
  no_bytes.max_job_bytes = 0;
  for (const auto& [options, name] : {std::pair{no_jobs, "max_jobs"}, std::pair{no_bytes, "max_job_bytes"}}) {
    const Error error = error_of([&wrong = options] { ModelManager manager(wrong); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(test::contains(error.message(), name));
  }
  ModelManager manager;
  LoadOptions slow;
  slow.max_delay = 2s;
  CHECK(test::contains(error_of([&] { (void)manager.load("x", slow); }).message(), "max_delay"));
  LoadOptions hasty;
  hasty.hang_timeout = 1ms;
  CHECK(test::contains(error_of([&] { (void)manager.load("x", hasty); }).message(), "hang_timeout"));
}

}  // namespace
}  // namespace mediscan
