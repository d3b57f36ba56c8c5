// Loading once, waiting together, failing with a reason, unloading in use. slot.cpp is tested through the
// manager.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mediscan/analyzer.hpp>
#include <mediscan/model_manager.hpp>
#include <thread>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "forked.hpp"
#include "pictures.hpp"
#include "scripted_backend.hpp"
#include "temporary_folder.hpp"

namespace mediscan {
namespace {

using test::error_of;

LoadOptions with(const std::string& backend) {
  LoadOptions options;
  options.backend = backend;
  return options;
}

TEST_CASE("a second load of the same folder is the same model, by whatever name the folder is called") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path() / "a");
  const auto script = test::scripted_backend("manager");
  ModelManager manager;
  const Model first = manager.load(folder.path() / "a", with("manager"));
  const Model second = manager.load(folder.path() / "a" / ".." / "a", with("manager"));
  CHECK(first.slot() == second.slot());
  CHECK(script->opened == 1);
  CHECK(manager.status().size() == 1);
}

TEST_CASE("in a child made by fork() the manager and its models are FORKED, and both can be destroyed") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  auto manager = std::make_unique<ModelManager>();
  auto analyzer = std::make_unique<Analyzer>(manager->load(folder.path(), with("manager")));
  const Image image = test::picture({.width = 8, .height = 8, .channels = 3, .bits = 8});
  const int code = test::exit_code_of_child([&] {
    for (const Error& error :
         {error_of([&] { manager->load(folder.path(), with("manager")); }), error_of([&] { (void)manager->status(); }),
          error_of([&] { manager->unload(analyzer->model()); }), error_of([&] { (void)analyzer->analyze(image); })}) {
      if (error.code() != ErrorCode::forked) return 2;
    }
    manager.reset();
    analyzer.reset();
    return 0;
  });
  CHECK(code == 0);
  CHECK_NOTHROW((void)analyzer->analyze(image));
}

TEST_CASE("other options make another model") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  ModelManager manager;
  LoadOptions smaller = with("manager");
  smaller.max_batch = 2;
  CHECK(manager.load(folder.path(), with("manager")).slot() != manager.load(folder.path(), smaller).slot());
  CHECK(manager.status().size() == 2);
}

TEST_CASE("many threads that ask at once share one load") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  script->open = [](const OpenRequest&) { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
  ModelManager manager;
  std::vector<std::future<std::shared_ptr<model::Slot>>> loads;
  for (int i = 0; i < 8; ++i) {
    loads.push_back(
        std::async(std::launch::async, [&] { return manager.load(folder.path(), with("manager")).slot(); }));
  }
  const auto first = loads.front().get();
  for (std::size_t i = 1; i < loads.size(); ++i) CHECK(loads[i].get() == first);
  CHECK(script->opened == 1);
}

TEST_CASE("a ready model says what it really runs on") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  ModelManager manager;
  const ModelStatus status = manager.load(folder.path(), with("manager")).status();
  CHECK(status.state == ModelState::ready);
  CHECK(status.reason.empty());
  CHECK(status.execution.backend == "manager");
  CHECK(status.execution.backend_version == "7.8.9");
  CHECK(status.execution.device == "stage");
  CHECK(status.execution.precision == "fp32");
  CHECK_FALSE(status.execution.simulated);
  CHECK(status.self_test.run);
  CHECK(status.model.name == "tiny");
  CHECK(status.load_ms > 0);
}

TEST_CASE(
    "a load that fails stands as FAILED with its reason, all who waited get its error, and the next load tries again") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  std::atomic<bool> broken{true};
  script->open = [&](const OpenRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (broken) throw std::runtime_error("the device is on fire");
  };
  ModelManager manager;
  const auto attempt = [&] { return error_of([&] { manager.load(folder.path(), with("manager")); }); };
  auto other = std::async(std::launch::async, attempt);
  const Error mine = attempt();
  const Error theirs = other.get();
  CHECK(mine.code() == ErrorCode::backend_failed);
  CHECK(theirs.code() == ErrorCode::backend_failed);
  CHECK(test::contains(mine.message(), "the device is on fire"));
  REQUIRE(manager.status().size() == 1);
  CHECK(manager.status().front().state == ModelState::failed);
  CHECK(test::contains(manager.status().front().reason, "the device is on fire"));

  broken = false;
  CHECK(manager.load(folder.path(), with("manager")).status().state == ModelState::ready);
  CHECK(manager.status().size() == 1);
}

TEST_CASE("weights that are not those the manifest names are HASH_MISMATCH, and no fallback hides it") {
  const test::TemporaryFolder folder;
  test::BundleContent content;
  content.stated_sha256 = std::string(64, 'a');
  test::write_bundle(folder.path(), content);
  const auto script = test::scripted_backend("manager");
  ModelManager manager;
  LoadOptions options = with("manager");
  options.fallback = Fallback::mock;
  const Error error = error_of([&] { manager.load(folder.path(), options); });
  CHECK(error.code() == ErrorCode::hash_mismatch);
  CHECK(test::contains(error.message(), "model.bin"));
  CHECK(script->opened == 0);
}

TEST_CASE("a bundle that is missing, or no bundle, is named") {
  const test::TemporaryFolder folder;
  ModelManager manager;
  const Error missing = error_of([&] { manager.load(folder.path() / "nowhere"); });
  CHECK(missing.code() == ErrorCode::not_found);
  CHECK(test::contains(missing.message(), "nowhere"));
  CHECK(manager.status().empty());
  const Error empty = error_of([&] { manager.load(folder.path()); });
  CHECK(empty.code() == ErrorCode::not_found);
  CHECK(test::contains(empty.message() + empty.hint(), "mediscan.json"));
}

TEST_CASE("a precision of an unknown name is refused before anything is read, with the known ones") {
  ModelManager manager;
  LoadOptions options;
  options.precision = "fp8";
  const Error error = error_of([&] { manager.load("/nowhere", options); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(test::contains(error.message(), "precision is \"fp8\", expected auto, fp32, bf16, fp16 or int8"));
}

TEST_CASE("lanes out of range, or more than the thread budget, are refused before anything is read") {
  ManagerOptions two;
  two.threads = 2;
  ModelManager manager(two);
  for (const int value : {-1, 3, 65}) {
    LoadOptions options;
    options.lanes = value;
    const Error error = error_of([&] { manager.load("/nowhere", options); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(test::contains(error.message(), "lanes is"));
  }
  LoadOptions options;
  options.profile = "";
  CHECK(error_of([&] { manager.load("/nowhere", options); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("a max_batch out of range is refused before anything is read") {
  ModelManager manager;
  for (const int value : {0, -1, 65}) {
    LoadOptions options;
    options.max_batch = value;
    const Error error = error_of([&] { manager.load("anything", options); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(test::contains(error.message(), "max_batch"));
  }
}

TEST_CASE("an unloaded model frees its session at once and answers NOT_READY") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  ModelManager manager;
  const Model model = manager.load(folder.path(), with("manager"));
  const Analyzer analyzer(model);
  CHECK(manager.unload(model));
  CHECK(script->closed == 1);
  CHECK(manager.status().empty());
  CHECK(model.status().state == ModelState::unloaded);
  const Image image = Image::read(folder.path() / "self_test.png");
  const Error error = error_of([&] { (void)analyzer.analyze(image); });
  CHECK(error.code() == ErrorCode::not_ready);
  CHECK(test::contains(error.message(), "UNLOADED"));
  CHECK_FALSE(manager.unload(model));
  CHECK(manager.load(folder.path(), with("manager")).slot() != model.slot());
}

TEST_CASE("another manager's model is left alone") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  ModelManager owner;
  ModelManager stranger;
  const Model model = owner.load(folder.path(), with("manager"));
  CHECK_FALSE(stranger.unload(model));
  CHECK(model.status().state == ModelState::ready);
}

TEST_CASE("unloading while threads analyse: every call gets a result or NOT_READY") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const Image image = Image::read(folder.path() / "self_test.png");
  for (int round = 0; round < 10; ++round) {
    ModelManager manager;
    const Model model = manager.load(folder.path(), with("mock"));
    const Analyzer analyzer(model);
    std::atomic<int> good{0};
    std::atomic<int> refused{0};
    std::atomic<int> other{0};
    std::vector<std::thread> users;
    for (int i = 0; i < 4; ++i) {
      users.emplace_back([&] {
        for (int k = 0; k < 25; ++k) {
          try {
            (void)analyzer.analyze(image);
            ++good;
          } catch (const Error& error) {
            ++(error.code() == ErrorCode::not_ready ? refused : other);
          }
        }
      });
    }
    while (good < 5) std::this_thread::yield();
    manager.unload(model);
    for (auto& user : users) user.join();
    CHECK(good + refused == 4 * 25);
    CHECK(other == 0);
  }
}

TEST_CASE("a manager destroyed with work in flight lets that work end") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const Image image = Image::read(folder.path() / "self_test.png");
  const auto script = test::scripted_backend("manager");
  std::promise<void> running;
  std::atomic<bool> announced{true};  // the load's own runs are not the one to wait for
  script->run = [&](const BatchInput&, const BatchOutput& output) {
    for (std::uint32_t i = 0; i < output.batch * output.outputs; ++i) output.logits[i] = script->logits[i % 3];
    if (announced.exchange(true)) return;
    running.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  };
  auto manager = std::make_unique<ModelManager>();
  const Analyzer analyzer(manager->load(folder.path(), with("manager")));
  announced = false;
  auto analysis = std::async(std::launch::async, [&] { return analyzer.analyze(image); });
  running.get_future().wait();
  manager.reset();
  CHECK(analysis.get().findings.front().code == "nv");
  CHECK(script->closed == 1);
  CHECK(error_of([&] { (void)analyzer.analyze(image); }).code() == ErrorCode::not_ready);
}

TEST_CASE("loading, failing and unloading are told to the log callback") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  std::vector<std::pair<LogLevel, std::string>> lines;
  ManagerOptions options;
  options.log = [&](LogLevel level, std::string_view text) { lines.emplace_back(level, text); };
  ModelManager manager(options);
  LoadOptions fallback;
  fallback.backend = "manager";
  fallback.fallback = Fallback::mock;
  script->open = [](const OpenRequest&) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend, "no stage today");
  };
  const Model model = manager.load(folder.path(), fallback);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].first == LogLevel::warning);
  CHECK(test::contains(lines[0].second, "SIMULATED"));
  CHECK(test::contains(lines[0].second, "no stage today"));
  CHECK(test::contains(lines[1].second, "READY"));
  manager.unload(model);
  REQUIRE(lines.size() == 3);
  CHECK(test::contains(lines[2].second, "UNLOADED"));
}

TEST_CASE("what a session remarks on itself is told to the log callback once it is proven") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("manager");
  script->remark = "batches run in parts of 2 pictures";
  std::vector<std::pair<LogLevel, std::string>> lines;
  ManagerOptions options;
  options.log = [&](LogLevel level, std::string_view text) { lines.emplace_back(level, text); };
  ModelManager manager(options);
  LoadOptions load;
  load.backend = "manager";
  const Model model = manager.load(folder.path(), load);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].first == LogLevel::warning);
  CHECK(test::contains(lines[0].second, "batches run in parts of 2 pictures"));
  CHECK(test::contains(lines[1].second, "READY"));
}

TEST_CASE("the shared manager is one and the same") { CHECK(&ModelManager::shared() == &ModelManager::shared()); }

}  // namespace
}  // namespace mediscan
