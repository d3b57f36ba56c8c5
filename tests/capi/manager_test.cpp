// Managers of the C ABI: their bounds, the cache, what they tell of themselves, and how models come, change and go.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "errors.hpp"
#include "forked.hpp"
#include "loaded.hpp"

namespace mediscan::test {
namespace {

Failure create(const mediscan_manager_options& options) {
  return failure_of([&](mediscan_error** error) {
    Handle<mediscan_manager> manager;
    return mediscan_manager_create(&options, &manager.get, error);
  });
}

std::string engine(const mediscan_manager* manager) {
  return text_from([&](char** text) { return mediscan_manager_engine_json(manager, text, nullptr); });
}

TEST_CASE("bounds stand in the engine's status, and 0 is each one's default") {
  auto options = defaults(mediscan_manager_options_init);
  Handle<mediscan_manager> plain;
  REQUIRE(mediscan_manager_create(&options, &plain.get, nullptr) == MEDISCAN_OK);
  CHECK(contains(engine(plain.get), "\"max_jobs\":1024"));
  CHECK(contains(engine(plain.get), "\"max_job_bytes\":536870912"));  // 512 MiB
  CHECK(contains(engine(plain.get), "\"max_model_bytes\":0"));
  options.max_jobs = 7;
  options.max_job_bytes = 1 << 20;
  options.max_model_bytes = 1 << 30;
  Handle<mediscan_manager> bounded;
  REQUIRE(mediscan_manager_create(&options, &bounded.get, nullptr) == MEDISCAN_OK);
  CHECK(contains(engine(bounded.get), "\"max_jobs\":7"));
  CHECK(contains(engine(bounded.get), "\"max_job_bytes\":1048576"));
  CHECK(contains(engine(bounded.get), "\"max_model_bytes\":1073741824"));
  options.max_jobs = -1;
  CHECK(contains(create(options).message, "max_jobs is -1"));
}

TEST_CASE("a picture seen before comes from the cache and says so, unless the request wants none") {
  auto options = defaults(mediscan_manager_options_init);
  options.cache_memory_bytes = 1 << 20;
  const Loaded loaded(&options);
  auto request = defaults(mediscan_request_init);
  const auto cached = [&](int no_cache) {
    request.no_cache = no_cache;
    Handle<mediscan_result> result;
    REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, &request, &result.get, nullptr) == MEDISCAN_OK);
    mediscan_execution execution{};
    execution.struct_size = sizeof execution;
    execution.cached = 7;
    REQUIRE(mediscan_result_execution(result.get, &execution, nullptr) == MEDISCAN_OK);
    return execution.cached;
  };
  CHECK(cached(1) == 0);
  CHECK(cached(0) == 0);
  CHECK(cached(0) == 1);
  CHECK(cached(1) == 0);
  CHECK(contains(engine(loaded.manager.get), "\"cache_entries\":1"));
}

TEST_CASE("a program of the 1.0 ABI gets its record, and nothing behind it is touched") {
  const Loaded loaded;
  Handle<mediscan_result> result;
  REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result.get, nullptr) == MEDISCAN_OK);
  mediscan_execution execution{};
  execution.struct_size = 144;  // all that 1.0 had
  execution.cached = 7;
  REQUIRE(mediscan_result_execution(result.get, &execution, nullptr) == MEDISCAN_OK);
  CHECK(std::string(execution.model_name) == "tiny");
  CHECK(execution.cached == 7);
  execution.struct_size = 143;
  CHECK(mediscan_result_execution(result.get, &execution, nullptr) == MEDISCAN_INVALID_ARGUMENT);
}

TEST_CASE("what cannot be right about a cache is refused") {
  const auto message = [](auto&& set) {
    auto options = defaults(mediscan_manager_options_init);
    set(options);
    return create(options).message;
  };
  CHECK(contains(message([](auto& o) { o.hmac_key_length = 32; }), "hmac_key is NULL"));
  CHECK(contains(message([](auto& o) { o.hmac_key = "secret"; }), "hmac_key_length 0"));
  CHECK(contains(message([](auto& o) {
                   o.hmac_key = "secret";
                   o.hmac_key_length = 6;
                 }),
                 "has 6 bytes"));
  CHECK(contains(message([](auto& o) { o.redis_ttl_s = 4'000'000'000; }), "redis_ttl"));
  CHECK(contains(message([](auto& o) { o.connect_timeout_ms = 4'000'000'000; }), "connect_timeout"));
  CHECK(contains(message([](auto& o) { o.operation_timeout_ms = 4'000'000'000; }), "operation_timeout"));
  const std::string prefix(300, 'x');
  CHECK(contains(message([&](auto& o) { o.redis_prefix = prefix.c_str(); }), "redis_prefix"));
  CHECK_FALSE(message([](auto& o) { o.redis = "no address"; }).empty());
}

TEST_CASE("a Redis that nobody answers for costs a picture nothing") {
  auto options = defaults(mediscan_manager_options_init);
  options.redis = "unix:/nowhere/redis.sock";
  options.hmac_key = "0123456789abcdef";
  options.hmac_key_length = 16;
  Handle<mediscan_manager> manager;
  const auto status = mediscan_manager_create(&options, &manager.get, nullptr);
  if (status == MEDISCAN_UNSUPPORTED) {
    MESSAGE("MEDISCAN_SKIP: built without hiredis");
    return;
  }
  REQUIRE(status == MEDISCAN_OK);
  const Loaded loaded(&options);
  CHECK(ends(loaded.submit().get));
  CHECK(contains(engine(loaded.manager.get), "\"redis\":true"));
}

TEST_CASE("metrics count what was done, as JSON and for Prometheus") {
  const Loaded loaded;
  REQUIRE(ends(loaded.submit().get));
  const auto json =
      text_from([&](char** text) { return mediscan_manager_metrics_json(loaded.manager.get, text, nullptr); });
  CHECK(contains(json, "\"submitted\":1"));
  CHECK(contains(json, "\"succeeded\":1"));
  const auto prometheus =
      text_from([&](char** text) { return mediscan_manager_prometheus(loaded.manager.get, text, nullptr); });
  CHECK(contains(prometheus, "# TYPE mediscan_"));
  CHECK(contains(prometheus, "model=\"tiny\""));
}

/// A bundle whose load waits until it may go on.
struct SlowLoad {
  TemporaryBundle bundle;
  std::shared_ptr<Script> script = scripted_backend("capi");
  std::shared_ptr<std::atomic<bool>> free = std::make_shared<std::atomic<bool>>(false);
  Handle<mediscan_manager> manager;
  mediscan_load_options options = defaults(mediscan_load_options_init);

  SlowLoad() {
    options.backend = "capi";
    script->open = [free = free](const OpenRequest&) {
      while (!*free) std::this_thread::yield();
    };
    REQUIRE(mediscan_manager_create(nullptr, &manager.get, nullptr) == MEDISCAN_OK);
  }
  SlowLoad(const SlowLoad&) = delete;
  SlowLoad& operator=(const SlowLoad&) = delete;
  ~SlowLoad() { *free = true; }
};

TEST_CASE("a model loads in the background, work waits for it, and waiting for it can time out") {
  SlowLoad slow;
  Handle<mediscan_model> model;
  REQUIRE(mediscan_model_load_async(slow.manager.get, slow.bundle.path().c_str(), MEDISCAN_NUL, &slow.options,
                                    &model.get, nullptr) == MEDISCAN_OK);
  std::int32_t loaded = 7;
  CHECK(mediscan_model_wait(model.get, 1'000'000, &loaded, nullptr) == MEDISCAN_OK);
  CHECK(loaded == 0);
  CHECK(contains(text_from([&](char** text) { return mediscan_model_status_json(model.get, text, nullptr); }),
                 "\"LOADING\""));
  const std::string bytes = bytes_in(slow.bundle.path() / "self_test.png");
  Handle<mediscan_job> job;
  REQUIRE(mediscan_submit_bytes(model.get, bytes.data(), bytes.size(), nullptr, nullptr, &job.get, nullptr) ==
          MEDISCAN_OK);
  CHECK(mediscan_job_state(job.get) == MEDISCAN_JOB_RECEIVED);
  *slow.free = true;
  CHECK(mediscan_model_wait(model.get, MEDISCAN_FOREVER, &loaded, nullptr) == MEDISCAN_OK);
  CHECK(loaded == 1);
  CHECK(mediscan_model_wait(model.get, 0, nullptr, nullptr) == MEDISCAN_OK);
  REQUIRE(ends(job.get));
  CHECK(result_status(job.get) == MEDISCAN_OK);
}

TEST_CASE("a load in the background that fails is the failure of whoever waits, and of the jobs that did") {
  SlowLoad slow;
  slow.script->open = [free = slow.free](const OpenRequest&) {
    while (!*free) std::this_thread::yield();
    throw Error(ErrorCode::backend_failed, Stage::backend, "no luck today");
  };
  Handle<mediscan_model> model;
  REQUIRE(mediscan_model_load_async(slow.manager.get, slow.bundle.path().c_str(), MEDISCAN_NUL, &slow.options,
                                    &model.get, nullptr) == MEDISCAN_OK);
  Handle<mediscan_job> job;
  REQUIRE(mediscan_submit_bytes(model.get, "x", 1, nullptr, nullptr, &job.get, nullptr) == MEDISCAN_OK);
  *slow.free = true;
  const auto failure = failure_of(
      [&](mediscan_error** error) { return mediscan_model_wait(model.get, MEDISCAN_FOREVER, nullptr, error); });
  CHECK(failure.status != MEDISCAN_OK);
  CHECK(contains(failure.message, "no luck today"));
  REQUIRE(ends(job.get));
  CHECK(result_status(job.get) == failure.status);
  mediscan_model* none = nullptr;
  CHECK(mediscan_model_load_async(slow.manager.get, "/nowhere", MEDISCAN_NUL, &slow.options, &none, nullptr) ==
        MEDISCAN_NOT_FOUND);
  CHECK(none == nullptr);
}

std::string name_now(const Loaded& loaded) {
  Handle<mediscan_result> result;
  REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result.get, nullptr) == MEDISCAN_OK);
  mediscan_execution execution{};
  execution.struct_size = sizeof execution;
  REQUIRE(mediscan_result_execution(result.get, &execution, nullptr) == MEDISCAN_OK);
  return execution.model_name;
}

TEST_CASE("a swap puts another bundle behind every handle, and one that cannot be loaded changes nothing") {
  const Loaded loaded;
  BundleContent content;
  content.name = "tiny-two";
  const TemporaryBundle other(content);
  const auto swap_to = [&](const char* path, const mediscan_load_options* options) {
    return mediscan_model_swap(loaded.manager.get, loaded.model.get, path, MEDISCAN_NUL, options, nullptr);
  };
  CHECK(name_now(loaded) == "tiny");
  REQUIRE(swap_to(other.path().c_str(), nullptr) == MEDISCAN_OK);
  CHECK(name_now(loaded) == "tiny-two");
  CHECK(swap_to("/nowhere", nullptr) == MEDISCAN_NOT_FOUND);
  auto options = defaults(mediscan_load_options_init);
  options.backend = "capi";
  options.reserved = 1;
  CHECK(swap_to(loaded.bundle.path().c_str(), &options) == MEDISCAN_INVALID_ARGUMENT);
  CHECK(name_now(loaded) == "tiny-two");
  options.reserved = 0;
  REQUIRE(swap_to(loaded.bundle.path().c_str(), &options) == MEDISCAN_OK);
  CHECK(name_now(loaded) == "tiny");
  CHECK(contains(text_from([&](char** text) { return mediscan_model_status_json(loaded.model.get, text, nullptr); }),
                 "\"swaps\":2"));
  Handle<mediscan_manager> stranger;
  REQUIRE(mediscan_manager_create(nullptr, &stranger.get, nullptr) == MEDISCAN_OK);
  CHECK(mediscan_model_swap(stranger.get, loaded.model.get, other.path().c_str(), MEDISCAN_NUL, nullptr, nullptr) ==
        MEDISCAN_NOT_READY);
}

TEST_CASE("a batch-invariant model runs every picture alone") {
  const TemporaryBundle bundle;
  const auto script = scripted_backend("capi");
  Handle<mediscan_manager> manager;
  REQUIRE(mediscan_manager_create(nullptr, &manager.get, nullptr) == MEDISCAN_OK);
  auto options = defaults(mediscan_load_options_init);
  options.backend = "capi";
  options.batch_invariant = 1;
  Handle<mediscan_model> model;
  REQUIRE(mediscan_model_load(manager.get, bundle.path().c_str(), MEDISCAN_NUL, &options, &model.get, nullptr) ==
          MEDISCAN_OK);
  script->batches.clear();
  Handle<mediscan_image> image;
  REQUIRE(mediscan_image_read((bundle.path() / "self_test.png").c_str(), MEDISCAN_NUL, nullptr, &image.get, nullptr) ==
          MEDISCAN_OK);
  const std::array<const mediscan_image*, 3> images{image.get, image.get, image.get};
  std::array<mediscan_result*, 3> results{};
  REQUIRE(mediscan_analyze_batch(model.get, images.data(), 3, nullptr, results.data(), nullptr, nullptr) ==
          MEDISCAN_OK);
  for (mediscan_result* result : results) mediscan_result_release(result);
  CHECK(script->batches == std::vector<std::uint32_t>{1, 1, 1});
}

TEST_CASE("the numbers of load options have their bounds") {
  const TemporaryBundle bundle;
  const auto script = scripted_backend("capi");
  Handle<mediscan_manager> manager;
  REQUIRE(mediscan_manager_create(nullptr, &manager.get, nullptr) == MEDISCAN_OK);
  const auto load = [&](auto&& set) {
    auto options = defaults(mediscan_load_options_init);
    options.backend = "capi";
    set(options);
    return failure_of([&](mediscan_error** error) {
      mediscan_model* none = nullptr;
      return mediscan_model_load(manager.get, bundle.path().c_str(), MEDISCAN_NUL, &options, &none, error);
    });
  };
  CHECK(contains(load([](auto& o) { o.max_delay_us = 1'000'001; }).message, "max_delay"));
  CHECK(contains(load([](auto& o) { o.hang_timeout_ms = 9; }).message, "hang_timeout"));
  CHECK(contains(load([](auto& o) { o.reserved = 1; }).message, "reserved"));
}

TEST_CASE("draining waits for what was accepted, as long as it may") {
  Loaded loaded;
  loaded.hold();
  const auto job = loaded.submit();
  std::int32_t drained = 7;
  CHECK(mediscan_manager_drain(loaded.manager.get, 1'000'000, &drained, nullptr) == MEDISCAN_OK);
  CHECK(drained == 0);
  CHECK(contains(engine(loaded.manager.get), "\"shutting_down\":true"));
  loaded.go_on();
  CHECK(mediscan_manager_drain(loaded.manager.get, MEDISCAN_FOREVER, &drained, nullptr) == MEDISCAN_OK);
  CHECK(drained == 1);
  CHECK(mediscan_job_state(job.get) == MEDISCAN_JOB_DONE);
}

TEST_CASE("in a child made by fork() a manager is FORKED, whatever it is asked") {
  const Loaded loaded;
  const int code = exit_code_of_child([&] {
    char* text = nullptr;
    if (mediscan_manager_engine_json(loaded.manager.get, &text, nullptr) != MEDISCAN_FORKED) return 2;
    if (mediscan_manager_metrics_json(loaded.manager.get, &text, nullptr) != MEDISCAN_FORKED) return 3;
    if (mediscan_manager_prometheus(loaded.manager.get, &text, nullptr) != MEDISCAN_FORKED) return 4;
    if (mediscan_manager_drain(loaded.manager.get, 0, nullptr, nullptr) != MEDISCAN_FORKED) return 5;
    if (mediscan_model_wait(loaded.model.get, 0, nullptr, nullptr) != MEDISCAN_FORKED) return 6;
    if (mediscan_model_swap(loaded.manager.get, loaded.model.get, loaded.bundle.path().c_str(), MEDISCAN_NUL, nullptr,
                            nullptr) != MEDISCAN_FORKED) {
      return 7;
    }
    mediscan_model* none = nullptr;
    return mediscan_model_load_async(loaded.manager.get, loaded.bundle.path().c_str(), MEDISCAN_NUL, nullptr, &none,
                                     nullptr) == MEDISCAN_FORKED
               ? 0
               : 8;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace mediscan::test
