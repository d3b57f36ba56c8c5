// Jobs of the C ABI: handed in, waited for, told of once, cancelled, refused, released at any time.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "forked.hpp"
#include "loaded.hpp"

namespace mediscan::test {
namespace {

TEST_CASE("a job's result is the one of the call that waits") {
  const Loaded loaded;
  const auto job = loaded.submit();
  REQUIRE(ends(job.get));
  CHECK(mediscan_job_state(job.get) == MEDISCAN_JOB_DONE);
  Handle<mediscan_result> later;
  Handle<mediscan_result> at_once;
  REQUIRE(mediscan_job_result(job.get, &later.get, nullptr) == MEDISCAN_OK);
  REQUIRE(mediscan_analyze(loaded.model.get, loaded.image.get, nullptr, &at_once.get, nullptr) == MEDISCAN_OK);
  REQUIRE(mediscan_result_finding_count(later.get) == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    mediscan_finding one{};
    mediscan_finding other{};
    one.struct_size = other.struct_size = sizeof one;
    REQUIRE(mediscan_result_finding(later.get, i, &one, nullptr) == MEDISCAN_OK);
    REQUIRE(mediscan_result_finding(at_once.get, i, &other, nullptr) == MEDISCAN_OK);
    CHECK(std::string(one.code) == other.code);
    CHECK(one.probability == other.probability);
  }
}

TEST_CASE("a result outlives its job, its model and its manager") {
  Handle<mediscan_result> result;
  {
    const Loaded loaded;
    const auto job = loaded.submit();
    REQUIRE(ends(job.get));
    REQUIRE(mediscan_job_result(job.get, &result.get, nullptr) == MEDISCAN_OK);
  }
  CHECK(contains(mediscan_result_json(result.get), "\"tiny\""));
}

TEST_CASE("submitted bytes are copied, and their name stands in the result and in the job's error") {
  const Loaded loaded;
  std::string bytes = bytes_in(loaded.bundle.path() / "self_test.png");
  auto options = defaults(mediscan_decode_options_init);
  options.name = "lesion.png";
  Handle<mediscan_job> good;
  REQUIRE(mediscan_submit_bytes(loaded.model.get, bytes.data(), bytes.size(), &options, nullptr, &good.get, nullptr) ==
          MEDISCAN_OK);
  options.name = "cut.png";
  Handle<mediscan_job> cut;
  REQUIRE(mediscan_submit_bytes(loaded.model.get, bytes.data(), bytes.size() / 2, &options, nullptr, &cut.get,
                                nullptr) == MEDISCAN_OK);
  bytes.assign(bytes.size(), '\0');
  REQUIRE(ends(good.get));
  Handle<mediscan_result> result;
  REQUIRE(mediscan_job_result(good.get, &result.get, nullptr) == MEDISCAN_OK);
  CHECK(contains(mediscan_result_json(result.get), "lesion.png"));
  REQUIRE(ends(cut.get));
  mediscan_result* none = nullptr;
  const auto failure = failure_of([&](mediscan_error** error) { return mediscan_job_result(cut.get, &none, error); });
  CHECK(failure.status == MEDISCAN_TRUNCATED_IMAGE);
  CHECK(failure.message.rfind("cut.png: ", 0) == 0);
  CHECK(none == nullptr);
}

TEST_CASE("a time-out leaves the job alone, and an unfinished job has no result yet") {
  Loaded loaded;
  loaded.hold();
  const auto job = loaded.submit();
  std::int32_t done = 7;
  CHECK(mediscan_job_wait(job.get, 0, &done, nullptr) == MEDISCAN_OK);
  CHECK(done == 0);
  done = 7;
  CHECK(mediscan_job_wait(job.get, 1'000'000, &done, nullptr) == MEDISCAN_OK);
  CHECK(done == 0);
  mediscan_result* none = nullptr;
  const auto early = failure_of([&](mediscan_error** error) { return mediscan_job_result(job.get, &none, error); });
  CHECK(early.status == MEDISCAN_NOT_READY);
  CHECK(contains(early.message, "not done"));
  CHECK(contains(early.hint, "mediscan_job_wait"));
  loaded.go_on();
  // Whatever is no longer than for ever: a clock that overflowed would say 0 at once.
  CHECK(mediscan_job_wait(job.get, MEDISCAN_FOREVER - 1, &done, nullptr) == MEDISCAN_OK);
  CHECK(done == 1);
  CHECK(mediscan_job_wait(job.get, MEDISCAN_FOREVER, nullptr, nullptr) == MEDISCAN_OK);
  CHECK(result_status(job.get) == MEDISCAN_OK);
}

TEST_CASE("a job only moves forward, and is running while its batch is") {
  Loaded loaded;
  loaded.hold();
  const auto job = loaded.submit();
  std::int32_t last = MEDISCAN_JOB_RECEIVED;
  while (last < MEDISCAN_JOB_RUNNING) {
    const std::int32_t now = mediscan_job_state(job.get);
    REQUIRE(now >= last);
    last = now;
  }
  CHECK(last == MEDISCAN_JOB_RUNNING);
  loaded.go_on();
  REQUIRE(ends(job.get));
}

TEST_CASE("a cancelled job is CANCELLED at once, and one that is done is not cancelled") {
  Loaded loaded;
  loaded.hold();
  const auto job = loaded.submit();
  std::int32_t cancelled = 7;
  CHECK(mediscan_job_cancel(job.get, &cancelled, nullptr) == MEDISCAN_OK);
  CHECK(cancelled == 1);
  CHECK(mediscan_job_state(job.get) == MEDISCAN_JOB_DONE);
  CHECK(result_status(job.get) == MEDISCAN_CANCELLED);
  CHECK(mediscan_job_cancel(job.get, &cancelled, nullptr) == MEDISCAN_OK);
  CHECK(cancelled == 0);
  CHECK(mediscan_job_cancel(job.get, nullptr, nullptr) == MEDISCAN_OK);
  CHECK(result_status(job.get) == MEDISCAN_CANCELLED);
}

/// What a callback saw, and when.
struct Told {
  std::atomic<int> calls{0};
  std::atomic<mediscan_job*> handle{nullptr};
  std::atomic<std::int32_t> state{0};
  std::atomic<mediscan_status> status{-1};
};

void note(void* user, mediscan_job* job) {
  auto& told = *static_cast<Told*>(user);
  told.handle = job;
  told.state = mediscan_job_state(job);
  told.status = result_status(job);
  ++told.calls;
}

void wait_for(const std::atomic<int>& calls, int count) {
  for (int i = 0; i < 60'000 && calls < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(calls == count);
}

TEST_CASE("the callback is called once with the very handle, for a result, an error and a cancelled job") {
  Loaded loaded;
  auto request = defaults(mediscan_request_init);
  request.on_done = note;
  Told result;
  request.on_done_user = &result;
  const auto good = loaded.submit(&request);
  wait_for(result.calls, 1);
  CHECK(result.handle == good.get);
  CHECK(result.state == MEDISCAN_JOB_DONE);
  CHECK(result.status == MEDISCAN_OK);
  Told failure;
  request.on_done_user = &failure;
  Handle<mediscan_job> bad;
  REQUIRE(mediscan_submit_bytes(loaded.model.get, "text", 4, nullptr, &request, &bad.get, nullptr) == MEDISCAN_OK);
  wait_for(failure.calls, 1);
  CHECK(failure.status == MEDISCAN_UNSUPPORTED_FORMAT);
  loaded.hold();
  Told cancelled;
  request.on_done_user = &cancelled;
  const auto given_up = loaded.submit(&request);
  CHECK(mediscan_job_cancel(given_up.get, nullptr, nullptr) == MEDISCAN_OK);
  wait_for(cancelled.calls, 1);
  CHECK(cancelled.status == MEDISCAN_CANCELLED);
  loaded.go_on();
  std::int32_t drained = 0;
  CHECK(mediscan_manager_drain(loaded.manager.get, 60'000'000'000, &drained, nullptr) == MEDISCAN_OK);
  CHECK(drained == 1);
  CHECK(result.calls == 1);
  CHECK(failure.calls == 1);
  CHECK(cancelled.calls == 1);
}

TEST_CASE("a job that was released unfinished goes on, and its callback gets a handle that is alive") {
  Loaded loaded;
  loaded.hold();
  Told told;
  auto request = defaults(mediscan_request_init);
  request.on_done = note;
  request.on_done_user = &told;
  { const auto job = loaded.submit(&request); }
  loaded.go_on();
  wait_for(told.calls, 1);
  CHECK(told.state == MEDISCAN_JOB_DONE);
  CHECK(told.status == MEDISCAN_OK);
}

TEST_CASE("a callback may release its job, its model and its manager, perhaps before submit returns") {
  struct Everything {
    std::atomic<int> calls{0};
    std::atomic<int> wrong{0};
  } all;
  for (int i = 0; i < 50; ++i) {
    Loaded loaded;
    auto request = defaults(mediscan_request_init);
    struct Mine {
      Everything* all;
      mediscan_manager* manager;
      mediscan_model* model;
    } mine{&all, std::exchange(loaded.manager.get, nullptr), loaded.model.get};
    REQUIRE(mediscan_model_retain(mine.model) == MEDISCAN_OK);
    request.on_done_user = &mine;
    request.on_done = [](void* user, mediscan_job* job) {
      const Mine own = *static_cast<Mine*>(user);
      int wrong = 0;
      wrong += mediscan_job_release(job) == MEDISCAN_OK ? 0 : 1;
      wrong += mediscan_job_state(job) == MEDISCAN_JOB_DONE ? 0 : 1;  // the library's reference
      wrong += mediscan_model_release(own.model) == MEDISCAN_OK ? 0 : 1;
      wrong += mediscan_manager_release(own.manager) == MEDISCAN_OK ? 0 : 1;
      own.all->wrong += wrong;
      ++own.all->calls;
    };
    mediscan_job* job = nullptr;
    REQUIRE(mediscan_submit(loaded.model.get, loaded.image.get, &request, &job, nullptr) == MEDISCAN_OK);
    CHECK(job != nullptr);
    wait_for(all.calls, i + 1);
    // Once the callback has returned, the library's reference is gone as well.
    for (int k = 0; k < 60'000 && mediscan_job_state(job) != 0; ++k)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(mediscan_job_release(job) == MEDISCAN_INVALID_ARGUMENT);
  }
  CHECK(all.wrong == 0);
}

TEST_CASE("a refused picture is no job: the call fails, nothing is called back") {
  auto settings = defaults(mediscan_manager_options_init);
  settings.max_jobs = 1;
  Loaded loaded(&settings);
  loaded.hold();
  const auto first = loaded.submit();
  Told told;
  auto request = defaults(mediscan_request_init);
  request.on_done = note;
  request.on_done_user = &told;
  mediscan_job* none = nullptr;
  mediscan_error* error = nullptr;
  CHECK(mediscan_submit(loaded.model.get, loaded.image.get, &request, &none, &error) == MEDISCAN_OVERLOADED);
  CHECK(none == nullptr);
  CHECK(mediscan_error_retry_after_ms(error) > 0);
  mediscan_error_release(error);
  loaded.go_on();
  REQUIRE(ends(first.get));
  CHECK(mediscan_manager_drain(loaded.manager.get, MEDISCAN_FOREVER, nullptr, nullptr) == MEDISCAN_OK);
  CHECK(mediscan_submit(loaded.model.get, loaded.image.get, &request, &none, nullptr) == MEDISCAN_SHUT_DOWN);
  CHECK(told.calls == 0);
}

TEST_CASE("a deadline ends a job, and a call that waits") {
  Loaded loaded;
  loaded.hold();
  auto request = defaults(mediscan_request_init);
  request.timeout_ns = 20'000'000;
  const auto job = loaded.submit(&request);
  REQUIRE(ends(job.get));
  CHECK(result_status(job.get) == MEDISCAN_DEADLINE_EXCEEDED);
  mediscan_result* none = nullptr;
  CHECK(mediscan_analyze(loaded.model.get, loaded.image.get, &request, &none, nullptr) == MEDISCAN_DEADLINE_EXCEEDED);
  const mediscan_image* images = loaded.image.get;
  mediscan_error* late = nullptr;
  CHECK(mediscan_analyze_batch(loaded.model.get, &images, 1, &request, &none, &late, nullptr) == MEDISCAN_OK);
  CHECK(mediscan_error_status(late) == MEDISCAN_DEADLINE_EXCEEDED);
  CHECK(none == nullptr);
  mediscan_error_release(late);
}

TEST_CASE("an unloaded model takes no jobs") {
  const Loaded loaded;
  REQUIRE(mediscan_model_unload(loaded.manager.get, loaded.model.get, nullptr) == MEDISCAN_OK);
  mediscan_job* none = nullptr;
  CHECK(mediscan_submit(loaded.model.get, loaded.image.get, nullptr, &none, nullptr) == MEDISCAN_NOT_READY);
  CHECK(mediscan_submit_bytes(loaded.model.get, "x", 1, nullptr, nullptr, &none, nullptr) == MEDISCAN_NOT_READY);
  CHECK(none == nullptr);
}

TEST_CASE("a manager that is released with jobs in flight lets them end") {
  std::vector<Handle<mediscan_job>> jobs;
  Loaded loaded;
  loaded.hold();
  for (int i = 0; i < 20; ++i) jobs.push_back(loaded.submit());
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    loaded.go_on();
  });
  CHECK(mediscan_manager_release(std::exchange(loaded.manager.get, nullptr)) == MEDISCAN_OK);
  opener.join();
  for (const auto& job : jobs) {
    REQUIRE(ends(job.get));
    CHECK(result_status(job.get) == MEDISCAN_OK);
  }
}

TEST_CASE("many threads submit, cancel, wait and release, and every job is told of once") {
  const Loaded loaded;
  constexpr int threads = 4;
  constexpr int each = 200;
  std::atomic<int> told{0};
  std::atomic<int> odd{0};
  auto request = defaults(mediscan_request_init);
  request.on_done_user = &told;
  request.on_done = [](void* user, mediscan_job*) { ++*static_cast<std::atomic<int>*>(user); };
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        Handle<mediscan_job> job;
        if (mediscan_submit(loaded.model.get, loaded.image.get, &request, &job.get, nullptr) != MEDISCAN_OK) ++odd;
        if ((i + t) % 3 == 0) static_cast<void>(mediscan_job_cancel(job.get, nullptr, nullptr));
        if ((i + t) % 3 == 1) continue;  // released unfinished
        if (!ends(job.get)) ++odd;
        const auto status = result_status(job.get);
        if (status != MEDISCAN_OK && status != MEDISCAN_CANCELLED) ++odd;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  wait_for(told, threads * each);
  CHECK(odd == 0);
}

TEST_CASE("in a child made by fork() a job that was done has its result, any other is FORKED") {
  Loaded loaded;
  const auto done = loaded.submit();
  REQUIRE(ends(done.get));
  loaded.hold();
  const auto open = loaded.submit();
  const int code = exit_code_of_child([&] {
    if (result_status(done.get) != MEDISCAN_OK) return 2;
    if (mediscan_job_wait(open.get, MEDISCAN_FOREVER, nullptr, nullptr) != MEDISCAN_FORKED) return 3;
    if (mediscan_job_wait(open.get, 0, nullptr, nullptr) != MEDISCAN_FORKED) return 4;
    if (mediscan_job_cancel(open.get, nullptr, nullptr) != MEDISCAN_FORKED) return 5;
    if (result_status(open.get) != MEDISCAN_NOT_READY) return 6;
    mediscan_job* none = nullptr;
    if (mediscan_submit(loaded.model.get, loaded.image.get, nullptr, &none, nullptr) != MEDISCAN_FORKED) return 7;
    if (mediscan_job_release(open.get) != MEDISCAN_OK) return 8;
    return mediscan_job_release(done.get) == MEDISCAN_OK ? 0 : 9;
  });
  CHECK(code == 0);
  loaded.go_on();
  REQUIRE(ends(open.get));
}

}  // namespace
}  // namespace mediscan::test
