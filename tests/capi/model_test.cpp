// Managers, models and what they give: loading, analysing one and many, unloading, releasing in any order.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <mediscan/result.hpp>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bundle_folder.hpp"
#include "calls.hpp"
#include "errors.hpp"
#include "forked.hpp"
#include "loaded.hpp"

namespace mediscan::test {
namespace {

mediscan_finding finding_of(const mediscan_result* result, std::size_t index) {
  mediscan_finding finding{};
  finding.struct_size = sizeof finding;
  REQUIRE(mediscan_result_finding(result, index, &finding, nullptr) == MEDISCAN_OK);
  return finding;
}

TEST_CASE("findings come most probable first, with the record of what ran") {
  Loaded loaded;
  Handle<mediscan_result> result;
  REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result.get, nullptr) == MEDISCAN_OK);
  REQUIRE(mediscan_result_finding_count(result.get) == 3);
  const auto first = finding_of(result.get, 0);
  CHECK(std::string(first.code) == "nv");
  CHECK(first.available == 1);
  CHECK(first.decision == 1);
  CHECK(first.logit == doctest::Approx(1.5));
  // softmax of 0.5, 1.5, -1
  CHECK(first.probability == doctest::Approx(std::exp(1.5) / (std::exp(0.5) + std::exp(1.5) + std::exp(-1.0))));
  CHECK(std::isnan(first.operating_point));
  CHECK(finding_of(result.get, 1).decision == 0);
  mediscan_execution execution{};
  execution.struct_size = sizeof execution;
  REQUIRE(mediscan_result_execution(result.get, &execution, nullptr) == MEDISCAN_OK);
  CHECK(std::string(execution.backend) == "capi");
  CHECK(execution.simulated == 0);
  CHECK(execution.batch_size == 1);
  CHECK(std::string(execution.model_name) == "tiny");
  CHECK(std::string(execution.notice) == "research use only, not a medical device");
  CHECK(execution.fallback_reason == nullptr);
  CHECK(execution.total_ms >= execution.inference_ms);
  const std::string json = mediscan_result_json(result.get);
  CHECK(json == mediscan_result_json(result.get));
  CHECK(contains(json, "\"simulated\":false"));
  const auto beyond = failure_of([&](mediscan_error** error) {
    mediscan_finding finding{};
    finding.struct_size = sizeof finding;
    return mediscan_result_finding(result.get, 3, &finding, error);
  });
  CHECK(beyond.status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(beyond.message == "index is 3, the result has 3 findings");
}

TEST_CASE("encoded bytes are analysed in one call, and their name stands in the result and in errors") {
  Loaded loaded;
  const std::string bytes = bytes_in(loaded.bundle.path() / "self_test.png");
  mediscan_decode_options options;
  mediscan_decode_options_init(&options, sizeof options);
  options.name = "lesion.png";
  Handle<mediscan_result> result;
  REQUIRE(mediscan_analyze_bytes(loaded.model.get, bytes.data(), bytes.size(), &options, nullptr, &result.get,
                                 nullptr) == MEDISCAN_OK);
  CHECK(contains(mediscan_result_json(result.get), "lesion.png"));
  options.name = "cut.png";
  const auto cut = failure_of([&](mediscan_error** error) {
    mediscan_result* none = nullptr;
    return mediscan_analyze_bytes(loaded.model.get, bytes.data(), bytes.size() / 2, &options, nullptr, &none, error);
  });
  CHECK(cut.status == MEDISCAN_TRUNCATED_IMAGE);
  CHECK(cut.message.rfind("cut.png: ", 0) == 0);
}

TEST_CASE("fast_decode is taken from programs that know it, and said in the result") {
  Loaded loaded;
  const std::string bytes = bytes_in(MEDISCAN_SOURCE_DIR "/examples/images/skin-nevus.jpg");
  const auto json_of = [&](const mediscan_decode_options& options) -> std::string {
    Handle<mediscan_result> result;
    REQUIRE(mediscan_analyze_bytes(loaded.model.get, bytes.data(), bytes.size(), &options, nullptr, &result.get,
                                   nullptr) == MEDISCAN_OK);
    return mediscan_result_json(result.get);
  };
  auto options = defaults(mediscan_decode_options_init);
  CHECK(options.fast_decode == 0);
  CHECK_FALSE(contains(json_of(options), "FAST_DECODE"));
  options.fast_decode = 1;
#ifdef MEDISCAN_WITH_TURBO
  CHECK(contains(json_of(options), "FAST_DECODE"));
#endif
  options.struct_size =
      offsetof(mediscan_decode_options, fast_decode);  // a program of 1.0: what lies behind is not its
  CHECK_FALSE(contains(json_of(options), "FAST_DECODE"));
  options = defaults(mediscan_decode_options_init);
  options.reserved2 = 1;
  const auto refused = failure_of([&](mediscan_error** error) {
    mediscan_result* none = nullptr;
    return mediscan_analyze_bytes(loaded.model.get, bytes.data(), bytes.size(), &options, nullptr, &none, error);
  });
  CHECK(refused.status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(contains(refused.message, "reserved2"));
}

TEST_CASE("lanes and profile are taken from programs that know them") {
  Loaded loaded;
  const std::string path = loaded.bundle.path().string();
  auto options = defaults(mediscan_load_options_init);
  options.backend = "capi";
  options.precision = "auto";  // is left open, or a profile had nothing to choose
  options.lanes = 2;
  options.profile = "/no/such/profile.json";
  mediscan_manager_options of_manager{};
  of_manager.struct_size = sizeof of_manager;
  of_manager.threads = 2;
  Handle<mediscan_manager> manager;
  REQUIRE(mediscan_manager_create(&of_manager, &manager.get, nullptr) == MEDISCAN_OK);
  const auto status_of = [&]() -> std::string {
    Handle<mediscan_model> model;
    Handle<mediscan_error> error;
    const auto status = mediscan_model_load(manager.get, path.data(), path.size(), &options, &model.get, &error.get);
    REQUIRE_MESSAGE(status == MEDISCAN_OK, mediscan_error_message(error.get));
    char* text = nullptr;
    REQUIRE(mediscan_model_status_json(model.get, &text, nullptr) == MEDISCAN_OK);
    std::string json(text);
    mediscan_string_free(text);
    REQUIRE(mediscan_model_unload(manager.get, model.get, nullptr) == MEDISCAN_OK);
    return json;
  };
  const std::string with = status_of();
  CHECK_MESSAGE(contains(with, "\"lanes\":2"), with);
  CHECK_MESSAGE(contains(with, "PROFILE_IGNORED"), with);
  CHECK(contains(with, "/no/such/profile.json"));
  options.profile = "off";
  CHECK_FALSE(contains(status_of(), "PROFILE_IGNORED"));
  options.profile = "/no/such/profile.json";
  options.struct_size = offsetof(mediscan_load_options, profile);  // a program of 1.1: what lies behind is not its
  const std::string without = status_of();
  CHECK(contains(without, "\"lanes\":1"));
  CHECK_FALSE(contains(without, "/no/such/profile.json"));
  const auto refused = [&](auto change) {
    auto wrong = defaults(mediscan_load_options_init);
    wrong.backend = "capi";
    change(wrong);
    const auto failure = failure_of([&](mediscan_error** error) {
      mediscan_model* none = nullptr;
      return mediscan_model_load(manager.get, path.data(), path.size(), &wrong, &none, error);
    });
    CHECK(failure.status == MEDISCAN_INVALID_ARGUMENT);
    return failure.message;
  };
  CHECK(contains(refused([](auto& wrong) { wrong.lanes = 3; }), "lanes"));
  CHECK(contains(refused([](auto& wrong) { wrong.lanes = -1; }), "lanes"));
  CHECK(contains(refused([](auto& wrong) { wrong.reserved2 = 1; }), "reserved2"));
}

TEST_CASE("of a batch each picture has its result or its error") {
  Loaded loaded;
  loaded.script->run = [](const BatchInput& input, const BatchOutput& output) {
    if (input.batch > 1) throw std::runtime_error("no batches today");
    std::fill_n(output.logits, output.outputs, input.data[0] > 0.99F ? std::numeric_limits<float>::quiet_NaN() : 1.0F);
  };
  const std::vector<std::uint8_t> white(8 * 8 * 3, 255);
  mediscan_pixels view{};
  view.struct_size = sizeof view;
  view.width = 8;
  view.height = 8;
  view.channels = 3;
  view.bits = 8;
  view.data = white.data();
  Handle<mediscan_image> bad;
  REQUIRE(mediscan_image_from_pixels(&view, nullptr, &bad.get, nullptr) == MEDISCAN_OK);
  const std::array<const mediscan_image*, 3> images{loaded.image.get, bad.get, loaded.image.get};
  std::array<mediscan_result*, 3> results{};
  std::array<mediscan_error*, 3> errors{};
  REQUIRE(mediscan_analyze_batch(loaded.model.get, images.data(), 3, nullptr, results.data(), errors.data(), nullptr) ==
          MEDISCAN_OK);
  CHECK(results[0] != nullptr);
  CHECK(results[1] == nullptr);
  CHECK(results[2] != nullptr);
  CHECK(errors[0] == nullptr);
  CHECK(mediscan_error_status(errors[1]) == MEDISCAN_BACKEND_FAILED);
  CHECK(errors[2] == nullptr);
  for (mediscan_result* result : results) mediscan_result_release(result);
  for (mediscan_error* error : errors) mediscan_error_release(error);
  // Without room for errors those are lost, the results are not.
  REQUIRE(mediscan_analyze_batch(loaded.model.get, images.data(), 3, nullptr, results.data(), nullptr, nullptr) ==
          MEDISCAN_OK);
  CHECK(results[0] != nullptr);
  for (mediscan_result* result : results) mediscan_result_release(result);
  CHECK(mediscan_analyze_batch(loaded.model.get, nullptr, 0, nullptr, nullptr, nullptr, nullptr) == MEDISCAN_OK);
}

TEST_CASE("a batch with one handle that is no image fails as a whole and touches nothing") {
  Loaded loaded;
  const std::array<const mediscan_image*, 2> images{loaded.image.get, nullptr};
  std::array<mediscan_result*, 2> results{};
  const auto failure = failure_of([&](mediscan_error** error) {
    return mediscan_analyze_batch(loaded.model.get, images.data(), 2, nullptr, results.data(), nullptr, error);
  });
  CHECK(failure.status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(failure.message == "mediscan_image is NULL");
  CHECK(results[0] == nullptr);
}

TEST_CASE("the tensor's shape first, then its values") {
  Loaded loaded;
  mediscan_tensor_shape shape{};
  shape.struct_size = sizeof shape;
  REQUIRE(mediscan_preprocess(loaded.model.get, loaded.image.get, nullptr, 0, &shape, nullptr) == MEDISCAN_OK);
  CHECK(shape.channels == 3);
  CHECK(shape.height == 4);
  CHECK(shape.width == 4);
  CHECK(shape.channels_last == 0);
  std::vector<float> values(std::size_t{shape.channels} * shape.height * shape.width, -1.0F);
  const auto small = failure_of([&](mediscan_error** error) {
    return mediscan_preprocess(loaded.model.get, loaded.image.get, values.data(), values.size() - 1, nullptr, error);
  });
  CHECK(small.message == "capacity is 47, the tensor has 48 values");
  CHECK(values[0] == -1.0F);
  REQUIRE(mediscan_preprocess(loaded.model.get, loaded.image.get, values.data(), values.size(), nullptr, nullptr) ==
          MEDISCAN_OK);
  CHECK(values[0] >= 0.0F);
  CHECK(mediscan_preprocess(loaded.model.get, loaded.image.get, nullptr, 0, nullptr, nullptr) ==
        MEDISCAN_INVALID_ARGUMENT);
}

TEST_CASE("an unloaded model's handle stays valid and is NOT_READY") {
  Loaded loaded;
  const std::string before =
      text_from([&](char** text) { return mediscan_model_status_json(loaded.model.get, text, nullptr); });
  CHECK(contains(before, "\"READY\""));
  REQUIRE(mediscan_model_unload(loaded.manager.get, loaded.model.get, nullptr) == MEDISCAN_OK);
  mediscan_result* result = nullptr;
  CHECK(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result, nullptr) == MEDISCAN_NOT_READY);
  const auto again = failure_of(
      [&](mediscan_error** error) { return mediscan_model_unload(loaded.manager.get, loaded.model.get, error); });
  CHECK(again.status == MEDISCAN_NOT_READY);
  CHECK(contains(again.message, "tiny"));
  const std::string after =
      text_from([&](char** text) { return mediscan_model_status_json(loaded.model.get, text, nullptr); });
  CHECK(contains(after, "\"UNLOADED\""));
}

TEST_CASE("any order of release is safe, and a result outlives everything it came from") {
  Handle<mediscan_result> result;
  Handle<mediscan_model> model;
  {
    Loaded loaded;
    REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result.get, nullptr) == MEDISCAN_OK);
    CHECK(mediscan_model_retain(loaded.model.get) == MEDISCAN_OK);
    model.get = loaded.model.get;
    CHECK(mediscan_manager_release(std::exchange(loaded.manager.get, nullptr)) == MEDISCAN_OK);
    mediscan_result* none = nullptr;
    CHECK(mediscan_analyze(model.get, loaded.image.get, nullptr, &none, nullptr) == MEDISCAN_NOT_READY);
  }
  CHECK(std::string(finding_of(result.get, 0).label) == finding_of(result.get, 0).label);
  CHECK(contains(mediscan_result_json(result.get), "\"tiny\""));
}

TEST_CASE("a handle of another kind is named, not used") {
  Loaded loaded;
  mediscan_result* result = nullptr;
  const auto swapped = failure_of([&](mediscan_error** error) {
    return mediscan_analyze(reinterpret_cast<mediscan_model*>(loaded.image.get), loaded.image.get, nullptr, &result,
                            error);
  });
  CHECK(swapped.status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(contains(swapped.message, "mediscan_model is no handle"));
  CHECK(mediscan_image_release(reinterpret_cast<mediscan_image*>(loaded.model.get)) == MEDISCAN_INVALID_ARGUMENT);
  CHECK(mediscan_result_json(reinterpret_cast<const mediscan_result*>(loaded.image.get)) == nullptr);
}

TEST_CASE("load failures arrive with code, message and hint") {
  Handle<mediscan_manager> manager;
  REQUIRE(mediscan_manager_create(nullptr, &manager.get, nullptr) == MEDISCAN_OK);
  mediscan_model* model = nullptr;
  mediscan_load_options options;
  mediscan_load_options_init(&options, sizeof options);
  const auto load = [&](const char* path) {
    return failure_of([&](mediscan_error** error) {
      return mediscan_model_load(manager.get, path, MEDISCAN_NUL, &options, &model, error);
    });
  };
  CHECK(load("/nowhere").status == MEDISCAN_NOT_FOUND);
  CHECK_FALSE(load("/nowhere").hint.empty());
  options.fallback = "perhaps";
  CHECK(contains(load("/nowhere").hint, "never, mock"));
  mediscan_load_options_init(&options, sizeof options);
  options.max_batch = 1000;
  CHECK(load("/nowhere").status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(model == nullptr);
}

TEST_CASE("the shared manager is one, whoever asks") {
  Handle<mediscan_manager> one;
  Handle<mediscan_manager> two;
  REQUIRE(mediscan_manager_shared(&one.get, nullptr) == MEDISCAN_OK);
  REQUIRE(mediscan_manager_shared(&two.get, nullptr) == MEDISCAN_OK);
  CHECK(one.get != two.get);  // two references, one manager
  CHECK(text_from([&](char** text) { return mediscan_manager_status_json(one.get, text, nullptr); }) ==
        text_from([&](char** text) { return mediscan_manager_status_json(two.get, text, nullptr); }));
}

TEST_CASE("log lines reach the callback with level and length") {
  struct Seen {
    std::vector<std::string> lines;
    std::mutex mutex;
  } seen;
  mediscan_manager_options options;
  mediscan_manager_options_init(&options, sizeof options);
  options.log_user = &seen;
  options.log = [](void* user, std::int32_t level, const char* message, std::size_t length) {
    auto& to = *static_cast<Seen*>(user);
    const std::scoped_lock lock(to.mutex);
    if (level >= MEDISCAN_LOG_INFO && message[length] == '\0') to.lines.emplace_back(message, length);
  };
  const TemporaryBundle bundle;
  const auto script = scripted_backend("capi");
  Handle<mediscan_manager> manager;
  REQUIRE(mediscan_manager_create(&options, &manager.get, nullptr) == MEDISCAN_OK);
  mediscan_load_options load;
  mediscan_load_options_init(&load, sizeof load);
  load.backend = "capi";
  Handle<mediscan_model> model;
  REQUIRE(mediscan_model_load(manager.get, bundle.path().c_str(), MEDISCAN_NUL, &load, &model.get, nullptr) ==
          MEDISCAN_OK);
  REQUIRE(mediscan_model_unload(manager.get, model.get, nullptr) == MEDISCAN_OK);
  CHECK(seen.lines.size() == 2);  // READY, UNLOADED
  options.threads = -1;
  CHECK(mediscan_manager_create(&options, &manager.get, nullptr) == MEDISCAN_INVALID_ARGUMENT);
}

TEST_CASE("what is on the machine, and in a bundle, as JSON") {
  CHECK(
      contains(text_from([](char** text) { return mediscan_system_json("/nowhere", text, nullptr); }), "\"backends\""));
  const TemporaryBundle bundle;
  const std::string path = bundle.path().string();
  CHECK(contains(text_from([&](char** text) { return mediscan_bundle_json(path.data(), path.size(), text, nullptr); }),
                 "\"tiny\""));
  const auto none = failure_of([](mediscan_error** error) {
    char* text = nullptr;
    return mediscan_bundle_json("/nowhere", MEDISCAN_NUL, &text, error);
  });
  CHECK(none.status == MEDISCAN_NOT_FOUND);
  CHECK(std::string(mediscan_version()) == library_version());
}

TEST_CASE("in a child made by fork() models are FORKED, pictures work, and everything can be released") {
  Loaded loaded;
  const int code = exit_code_of_child([&] {
    mediscan_result* result = nullptr;
    const auto failure = failure_of([&](mediscan_error** error) {
      return mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result, error);
    });
    if (failure.status != MEDISCAN_FORKED || failure.hint.empty()) return 2;
    mediscan_image_info info{};
    info.struct_size = sizeof info;
    if (mediscan_image_get_info(loaded.image.get, &info, nullptr) != MEDISCAN_OK) return 3;
    if (mediscan_model_release(loaded.model.get) != MEDISCAN_OK) return 4;
    return mediscan_manager_release(loaded.manager.get) == MEDISCAN_OK ? 0 : 5;
  });
  CHECK(code == 0);
}

TEST_CASE("many threads analyse with one model while it is unloaded under them") {
  Loaded loaded;
  std::vector<std::thread> threads;
  std::atomic<int> odd{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        mediscan_result* result = nullptr;
        const auto status = mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &result, nullptr);
        if (status != MEDISCAN_OK && status != MEDISCAN_NOT_READY) ++odd;
        mediscan_result_release(result);
      }
    });
  }
  CHECK(mediscan_model_unload(loaded.manager.get, loaded.model.get, nullptr) == MEDISCAN_OK);
  for (auto& thread : threads) thread.join();
  CHECK(odd == 0);
}

}  // namespace
}  // namespace mediscan::test
