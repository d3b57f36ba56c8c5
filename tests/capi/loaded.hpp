// What most tests of the C ABI start from: a manager, a model and a picture.
#pragma once

#include <doctest/doctest.h>
#include <mediscan/mediscan.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "bundle_folder.hpp"
#include "calls.hpp"
#include "scripted_backend.hpp"

namespace mediscan::test {

/// A manager, a model of a tiny bundle on the scripted backend, and a picture.
struct Loaded {
  TemporaryBundle bundle;
  std::shared_ptr<Script> script = scripted_backend("capi");
  Handle<mediscan_manager> manager;
  Handle<mediscan_model> model;
  Handle<mediscan_image> image;
  std::shared_ptr<std::atomic<bool>> free = std::make_shared<std::atomic<bool>>(true);

  explicit Loaded(const mediscan_manager_options* manager_options = nullptr) {
    REQUIRE(mediscan_manager_create(manager_options, &manager.get, nullptr) == MEDISCAN_OK);
    auto options = defaults(mediscan_load_options_init);
    options.backend = "capi";
    const std::string path = bundle.path().string();
    REQUIRE(mediscan_model_load(manager.get, path.data(), path.size(), &options, &model.get, nullptr) == MEDISCAN_OK);
    const auto picture = (bundle.path() / "self_test.png").string();
    REQUIRE(mediscan_image_read(picture.c_str(), MEDISCAN_NUL, nullptr, &image.get, nullptr) == MEDISCAN_OK);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() { go_on(); }

  /// From now on the backend does not return from a batch before go_on().
  void hold() {
    *free = false;
    script->run_until = [free = free, answers = script.get()](const BatchInput&, const BatchOutput& output,
                                                              const std::atomic<bool>& cancelled) {
      while (!*free && !cancelled) std::this_thread::yield();
      answers->answer(output);
    };
  }
  void go_on() const { *free = true; }

  [[nodiscard]] Handle<mediscan_job> submit(const mediscan_request* request = nullptr) const {
    Handle<mediscan_job> job;
    REQUIRE(mediscan_submit(model.get, image.get, request, &job.get, nullptr) == MEDISCAN_OK);
    return job;
  }
};

/// Waits for the end of a job; false when it does not come within a minute.
inline bool ends(const mediscan_job* job) {
  std::int32_t done = 0;
  return mediscan_job_wait(job, 60'000'000'000, &done, nullptr) == MEDISCAN_OK && done == 1;
}

/// The status of a job's result, which is released.
inline mediscan_status result_status(const mediscan_job* job) {
  Handle<mediscan_result> result;
  return mediscan_job_result(job, &result.get, nullptr);
}

}  // namespace mediscan::test
