// Analyses behind the result cache, with a real redis-server: hits say so, and whatever happens to the server, pictures
// are analysed.
#include <doctest/doctest.h>

#include <atomic>
#include <mediscan/analyzer.hpp>
#include <thread>

#include "base/file.hpp"
#include "bundle_folder.hpp"
#include "cache/redis_server.hpp"
#include "errors.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(const CacheOptions& cache) : manager(options_with(cache)) {
    test::write_bundle(folder.path());
    load.backend = "cached";
    analyzer = std::make_unique<Analyzer>(manager.load(folder.path(), load));
    script->runs = 0;
  }
  static ManagerOptions options_with(const CacheOptions& cache) {
    ManagerOptions options;
    options.cache = cache;
    return options;
  }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    return base::read_file(folder.path() / "self_test.png", 1 << 20, "max_file_bytes", Stage::decode);
  }
  [[nodiscard]] CacheMetrics counted() const { return manager.metrics().cache; }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("cached");
  LoadOptions load;
  ModelManager manager;
  std::unique_ptr<Analyzer> analyzer;
};

CacheOptions in_memory() {
  CacheOptions options;
  options.memory_bytes = 1 << 20;
  return options;
}

TEST_CASE("the second analysis of the same bytes is a hit that says so, under its own name and with its own times") {
  const Fixture fixture(in_memory());
  const Result first = fixture.analyzer->analyze(fixture.bytes(), {.name = "a.png"});
  const Result second = fixture.analyzer->submit(fixture.bytes(), {.name = "b.png"}).get();
  CHECK(fixture.script->runs == 1);
  CHECK_FALSE(first.execution.cached);
  CHECK(second.execution.cached);
  CHECK(second.input.name == "b.png");
  CHECK(second.input.sha256 == first.input.sha256);
  CHECK(second.findings.front().logit == first.findings.front().logit);
  CHECK(second.execution.backend == "cached");
  CHECK(second.timing_ms.inference == 0);
  CHECK(second.timing_ms.total > 0);
  CHECK(fixture.counted().memory_hits == 1);
  CHECK(test::contains(to_json(second), "\"cached\":true"));
}

TEST_CASE("an analysis that asks for no cache neither reads nor writes it") {
  const Fixture fixture(in_memory());
  (void)fixture.analyzer->analyze(fixture.bytes(), {.cache = false});
  (void)fixture.analyzer->analyze(fixture.bytes());
  CHECK_FALSE(fixture.analyzer->analyze(fixture.bytes(), {.cache = false}).execution.cached);
  CHECK(fixture.script->runs == 3);
}

TEST_CASE("another model, recipe or way of decoding is another result") {
  Fixture fixture(in_memory());
  (void)fixture.analyzer->analyze(fixture.bytes());
  CHECK_FALSE(fixture.analyzer->analyze(fixture.bytes(), {.decode = {.decoder = Decoder::stb}}).execution.cached);
  CHECK_FALSE(fixture.analyzer->analyze(fixture.bytes(), {.decode = {.fast_decode = true}}).execution.cached);
  test::BundleContent renamed;
  renamed.codes = {"nv", "mel", "bcc"};  // the same weights, read otherwise
  test::write_bundle(fixture.folder.path() / "other", renamed);
  const Analyzer other(fixture.manager.load(fixture.folder.path() / "other", fixture.load));
  CHECK_FALSE(other.analyze(fixture.bytes()).execution.cached);
  CHECK(fixture.analyzer->analyze(fixture.bytes()).execution.cached);
}

TEST_CASE("errors are not kept") {
  const Fixture fixture(in_memory());
  fixture.script->run = [](const BatchInput&, const BatchOutput&) { throw std::runtime_error("once"); };
  CHECK_THROWS_AS((void)fixture.analyzer->analyze(fixture.bytes()), Error);
  fixture.script->run = nullptr;
  CHECK_FALSE(fixture.analyzer->analyze(fixture.bytes()).execution.cached);
}

TEST_CASE("results are shared through Redis between managers, as between processes") {
  if (!test::has_redis_server()) return;
  const test::RedisServer server;
  Result first;
  {
    const Fixture one(server.options());
    first = one.analyzer->analyze(one.bytes());
  }  // what was stored is written when the manager is gone
  const Fixture other(server.options());
  const Result second = other.analyzer->analyze(other.bytes(), {.name = "x"});
  CHECK(second.execution.cached);
  CHECK(second.findings.front().logit == first.findings.front().logit);
  CHECK(other.script->runs == 0);
  CHECK(other.counted().redis_hits == 1);
}

TEST_CASE("a poisoned value is refused, counted, and the picture analysed") {
  if (!test::has_redis_server()) return;
  const test::RedisServer server;
  {
    const Fixture one(server.options());
    (void)one.analyzer->analyze(one.bytes());
  }
  const std::string key = server.ask({"RANDOMKEY"}).text;
  REQUIRE(test::contains(key, "mediscan:"));
  server.ask({"SET", key, R"({"findings": [{"code": "nv", "probability": 1.0}]})"});
  const Fixture other(server.options());
  const Result result = other.analyzer->analyze(other.bytes());
  CHECK_FALSE(result.execution.cached);
  CHECK(other.script->runs == 1);
  CHECK(other.counted().redis_refused == 1);
}

TEST_CASE("a server that is killed and restarted in the middle of the load fails no analysis") {
  if (!test::has_redis_server()) return;
  test::RedisServer server;
  const Fixture fixture(server.options());
  std::vector<std::vector<std::byte>> pictures;
  for (unsigned i = 0; i < 20; ++i) {
    const auto path = fixture.folder.path() / (std::to_string(i) + ".png");
    test::write_png(path, 20 + i, 20, i);
    pictures.push_back(base::read_file(path, 1 << 20, "max_file_bytes", Stage::decode));
  }
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> cached{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> users;
  for (unsigned user = 0; user < 4; ++user) {
    users.emplace_back([&, user] {
      for (unsigned i = user; !stop; ++i) {
        const Job job = fixture.analyzer->submit(pictures[i % pictures.size()]);
        if (!job.outcome()) {
          ++failed;
          continue;
        }
        ++good;
        if (job.outcome().value().execution.cached) ++cached;
      }
    });
  }
  const auto wait_for = [](const auto& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  };
  CHECK(wait_for([&] { return cached > 20; }));
  for (int round = 0; round < 3; ++round) {
    server.kill();
    const int before = good;
    CHECK(wait_for([&] { return good > before + 50; }));  // analysed without it
    server.start();
    const std::uint64_t hits = fixture.counted().redis_hits;
    CHECK(wait_for([&] { return fixture.counted().redis_hits > hits; }));  // and used again
  }
  stop = true;
  for (auto& user : users) user.join();
  CHECK(failed == 0);
  MESSAGE(good.load(), " analyses, ", cached.load(), " from the cache, 0 failed, over 3 kills");
}

}  // namespace
}  // namespace mediscan
