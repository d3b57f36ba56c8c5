// Jobs: handed in, finished later, cancelled, late, told of once.
#include <doctest/doctest.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mediscan/analyzer.hpp>
#include <set>
#include <thread>

#include "base/file.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"
#include "forked.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

using namespace std::chrono_literals;
using test::error_of;

struct Fixture {
  explicit Fixture(ManagerOptions manager_options = {}, int max_batch = 4) : manager(std::move(manager_options)) {
    test::write_bundle(folder.path());
    LoadOptions options;
    options.backend = "jobs";
    options.max_batch = max_batch;
    analyzer = std::make_unique<Analyzer>(manager.load(folder.path(), options));
    script->batches.clear();
  }
  [[nodiscard]] Image picture() const { return Image::read(folder.path() / "self_test.png"); }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    return base::read_file(folder.path() / "self_test.png", 1 << 20, "max_file_bytes", Stage::decode);
  }
  /// From now on every batch waits until release().
  void hold() {
    script->run_until = [this](const BatchInput&, const BatchOutput& output, const std::atomic<bool>& cancelled) {
      ++held;
      while (!released) {
        if (cancelled) {
          ++told_to_stop;
          throw Error(ErrorCode::cancelled, Stage::backend, "told to stop");
        }
        std::this_thread::yield();
      }
      script->answer(output);
    };
  }
  void release() { released = true; }
  void wait_until_held(int batches = 1) const {
    while (held < batches) std::this_thread::yield();
  }
  ~Fixture() { release(); }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("jobs");
  ModelManager manager;
  std::unique_ptr<Analyzer> analyzer;
  std::atomic<bool> released{false};
  std::atomic<int> held{0};
  std::atomic<int> told_to_stop{0};
};

TEST_CASE("a job gives what a call that waits gives") {
  const Fixture fixture;
  const Result waited = fixture.analyzer->analyze(fixture.bytes(), {.name = "x.png"});
  const Job job = fixture.analyzer->submit(fixture.bytes(), {.name = "x.png"});
  const Result later = job.get();
  CHECK(job.done());
  CHECK(later.input.name == "x.png");
  CHECK(later.input.sha256 == waited.input.sha256);
  CHECK(later.findings.front().logit == waited.findings.front().logit);
  CHECK(later.timing_ms.total >= later.timing_ms.decode + later.timing_ms.preprocess + later.timing_ms.inference);
  CHECK(fixture.analyzer->submit(fixture.picture()).get().input.name == "self_test.png");
  const auto bytes = fixture.bytes();
  CHECK(fixture.analyzer->submit(std::span(bytes)).get().input.sha256 == waited.input.sha256);
}

TEST_CASE("a picture that cannot be decoded is its own job's error, by name") {
  const Fixture fixture;
  auto bytes = fixture.bytes();
  bytes.resize(40);
  const Job bad = fixture.analyzer->submit(std::move(bytes), {.name = "cut.png"});
  const Job good = fixture.analyzer->submit(fixture.bytes());
  const Error error = error_of([&] { (void)bad.get(); });
  CHECK(error.stage() == Stage::decode);
  CHECK(test::contains(error.message(), "cut.png"));
  CHECK(good.outcome().has_value());
  CHECK(error_of([&] { (void)fixture.analyzer->submit(std::span<const std::byte>{}).get(); }).code() ==
        ErrorCode::empty_input);
}

TEST_CASE("jobs that wait are run together in one batch") {
  Fixture fixture;
  fixture.hold();
  std::vector<Job> jobs = {fixture.analyzer->submit(fixture.picture())};
  fixture.wait_until_held();
  for (int i = 0; i < 4; ++i) jobs.push_back(fixture.analyzer->submit(fixture.picture()));
  while (fixture.analyzer->model().status().queued < 4) std::this_thread::yield();
  fixture.release();
  for (const Job& job : jobs) job.wait();
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1, 4});
  CHECK(jobs.back().get().execution.batch_size == 4);
}

TEST_CASE("states only move forward, and end at done") {
  Fixture fixture;
  fixture.hold();
  const Job first = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  CHECK(first.state() == JobState::running);
  const Job second = fixture.analyzer->submit(fixture.picture());
  while (second.state() < JobState::queued) std::this_thread::yield();
  CHECK(second.state() == JobState::queued);
  CHECK_FALSE(second.wait_for(5ms));  // which cancels nothing
  CHECK(second.state() == JobState::queued);
  fixture.release();
  CHECK(second.wait_for(std::chrono::nanoseconds::max()));
  CHECK(second.state() == JobState::done);
  CHECK(name_of(second.state()) == "done");
}

TEST_CASE("a queued job that is cancelled ends at once and never runs") {
  Fixture fixture;
  fixture.hold();
  const Job runs = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  const Job queued = fixture.analyzer->submit(fixture.picture());
  while (queued.state() < JobState::queued) std::this_thread::yield();
  CHECK(queued.cancel());
  CHECK_FALSE(queued.cancel());
  const Error error = error_of([&] { (void)queued.get(); });
  CHECK(error.code() == ErrorCode::cancelled);
  CHECK(test::contains(error.message(), "queued"));
  CHECK(fixture.manager.engine_status().jobs == 1);
  fixture.release();
  CHECK(runs.outcome().has_value());
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{1});
}

TEST_CASE("a running batch whose every job is cancelled is told to stop, and the lane serves on") {
  Fixture fixture;
  fixture.hold();
  const Job job = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  CHECK(job.cancel());
  CHECK(job.done());  // at once, whatever the backend does
  while (fixture.told_to_stop == 0) std::this_thread::yield();
  fixture.release();
  CHECK(fixture.analyzer->submit(fixture.picture()).outcome().has_value());
}

TEST_CASE("a batch in which one job is still wanted runs on, and that one gets its result") {
  Fixture fixture;
  fixture.hold();
  const Job first = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  const Job dropped = fixture.analyzer->submit(fixture.picture());
  const Job wanted = fixture.analyzer->submit(fixture.picture());
  while (fixture.analyzer->model().status().queued < 2) std::this_thread::yield();
  first.cancel();
  fixture.wait_until_held(2);
  dropped.cancel();
  std::this_thread::sleep_for(20ms);
  CHECK(fixture.told_to_stop == 1);  // the first batch alone
  fixture.release();
  CHECK(wanted.outcome().has_value());
  CHECK_FALSE(dropped.outcome().has_value());
}

TEST_CASE("a job whose time is up ends at once, whatever the backend does, and the lane recovers") {
  Fixture fixture;
  fixture.hold();
  const Job running = fixture.analyzer->submit(fixture.picture(), {.timeout = 30ms});
  fixture.wait_until_held();
  const Error error = error_of([&] { (void)running.get(); });
  CHECK(error.code() == ErrorCode::deadline_exceeded);
  CHECK(test::contains(error.message(), "30 ms"));
  CHECK(test::contains(error.message(), "running"));
  fixture.release();
  CHECK(fixture.analyzer->submit(fixture.picture(), {.timeout = 60s}).outcome().has_value());
  CHECK(fixture.analyzer->model().status().state == ModelState::ready);
}

TEST_CASE("a call that waits has a deadline too") {
  Fixture fixture;
  fixture.hold();
  const Error error = error_of([&] { (void)fixture.analyzer->analyze(fixture.picture(), {.timeout = 30ms}); });
  CHECK(error.code() == ErrorCode::deadline_exceeded);
}

TEST_CASE("the deadline of a list counts from the start of the call: what is late fails alone") {
  Fixture fixture({}, 1);
  fixture.script->run = [&](const BatchInput&, const BatchOutput& output) {
    std::this_thread::sleep_for(50ms);
    fixture.script->answer(output);
  };
  const std::vector<Image> images(12, fixture.picture());
  const auto outcomes = fixture.analyzer->analyze_batch(images, {.timeout = 180ms});
  CHECK(outcomes.front().has_value());
  REQUIRE_FALSE(outcomes.back().has_value());
  CHECK(outcomes.back().error().code() == ErrorCode::deadline_exceeded);
}

TEST_CASE("a deadline that cannot be met is refused at once, and says how long it would take") {
  Fixture fixture;
  fixture.script->run = [&](const BatchInput&, const BatchOutput& output) {
    std::this_thread::sleep_for(20ms);
    fixture.script->answer(output);
  };
  for (int i = 0; i < 4; ++i) (void)fixture.analyzer->analyze(fixture.picture());  // the lane learns
  const Error error = error_of([&] { (void)fixture.analyzer->submit(fixture.picture(), {.timeout = 5ms}); });
  CHECK(error.code() == ErrorCode::deadline_exceeded);
  CHECK(test::contains(error.message(), "5 ms"));
  CHECK(error.retry_after().count() > 0);
  CHECK(fixture.analyzer->submit(fixture.picture(), {.timeout = 10s}).outcome().has_value());
}

TEST_CASE("beyond max_jobs a job is OVERLOADED at once, and there is room again when one ends") {
  ManagerOptions options;
  options.max_jobs = 2;
  Fixture fixture(options);
  fixture.hold();
  const Job first = fixture.analyzer->submit(fixture.picture());
  const Job second = fixture.analyzer->submit(fixture.picture());
  const Error error = error_of([&] { (void)fixture.analyzer->submit(fixture.picture()); });
  CHECK(error.code() == ErrorCode::overloaded);
  CHECK(error.retry_after().count() > 0);
  CHECK(error_of([&] { (void)fixture.analyzer->analyze(fixture.picture()); }).code() == ErrorCode::overloaded);
  second.cancel();
  fixture.release();
  first.wait();
  // Whoever hears of an end finds room: a loop of as many clients as there are places is never refused.
  Job last = fixture.analyzer->submit(fixture.picture());
  for (int i = 0; i < 200; ++i) {
    last.wait();
    last = fixture.analyzer->submit(fixture.picture());
  }
  CHECK(last.outcome().has_value());
}

TEST_CASE("beyond max_job_bytes a picture is OVERLOADED, one that never fits LIMIT_EXCEEDED") {
  ManagerOptions options;
  options.max_job_bytes = 1000;
  Fixture fixture(options);
  fixture.hold();
  const Job first = fixture.analyzer->submit(fixture.picture());  // 8 x 8 x 3 bytes and 4 x 4 x 3 floats
  const Job second = fixture.analyzer->submit(fixture.picture());
  CHECK(fixture.manager.engine_status().job_bytes == 2 * (192 + 192));
  CHECK(error_of([&] { (void)fixture.analyzer->submit(fixture.picture()); }).code() == ErrorCode::overloaded);
  CHECK(error_of([&] { (void)fixture.analyzer->submit(std::vector<std::byte>(2000)); }).code() ==
        ErrorCode::limit_exceeded);
}

TEST_CASE("higher priority goes first through pool and lane") {
  Fixture fixture({}, 1);
  fixture.hold();
  const Job first = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  std::mutex mutex;
  std::vector<int> order;
  const auto note = [&](int which) {
    return [&, which](const Job&) {
      const std::scoped_lock lock(mutex);
      order.push_back(which);
    };
  };
  std::vector<Job> jobs;
  jobs.push_back(fixture.analyzer->submit(fixture.picture(), {.priority = Priority::low, .on_done = note(3)}));
  jobs.push_back(fixture.analyzer->submit(fixture.picture(), {.on_done = note(2)}));
  jobs.push_back(fixture.analyzer->submit(fixture.picture(), {.priority = Priority::high, .on_done = note(1)}));
  while (fixture.analyzer->model().status().queued < 3) std::this_thread::yield();
  fixture.release();
  for (;;) {
    const std::scoped_lock lock(mutex);
    if (order.size() == 3) break;
  }
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("the callback comes once, with the job done, however it ended, and may hold the job, cancel it or throw") {
  Fixture fixture;
  std::atomic<int> calls{0};
  std::atomic<int> not_done{0};
  JobOptions options;
  options.on_done = [&](const Job& job) {
    if (!job.done() || job.cancel()) ++not_done;
    const Job held = job;  // NOLINT(performance-unnecessary-copy-initialization): that is the point
    ++calls;
    throw std::runtime_error("a listener's own trouble");
  };
  std::vector<Job> jobs = {fixture.analyzer->submit(fixture.picture(), options),
                           fixture.analyzer->submit(std::vector<std::byte>(7), options)};
  jobs.front().wait();
  fixture.hold();
  jobs.push_back(fixture.analyzer->submit(fixture.picture(), options));
  jobs.back().cancel();
  fixture.release();
  while (calls < 3) std::this_thread::yield();
  std::this_thread::sleep_for(20ms);
  CHECK(calls == 3);
  CHECK(not_done == 0);
}

TEST_CASE("a slow callback delays other callbacks, and no job") {
  Fixture fixture;
  std::promise<void> go;
  const auto future = go.get_future().share();
  const Job slow = fixture.analyzer->submit(fixture.picture(), {.on_done = [=](const Job&) { future.wait(); }});
  slow.wait();
  std::atomic<bool> called{false};
  const Job other = fixture.analyzer->submit(fixture.picture(), {.on_done = [&](const Job&) { called = true; }});
  CHECK(other.wait_for(10s));
  CHECK_FALSE(called);
  go.set_value();
  while (!called) std::this_thread::yield();
}

TEST_CASE("a completion queue tells of any number of jobs through one descriptor") {
  Fixture fixture;
  const auto queue = std::make_shared<CompletionQueue>();
  pollfd readable{queue->fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 0) == 0);
  std::vector<Job> jobs;
  for (std::uint64_t tag = 1; tag <= 50; ++tag) {
    jobs.push_back(fixture.analyzer->submit(fixture.picture(), {.completions = queue, .tag = tag}));
  }
  std::multiset<std::uint64_t> seen;
  while (seen.size() < 50) {
    REQUIRE(::poll(&readable, 1, 10'000) == 1);
    std::uint64_t tags[7];
    const std::size_t taken = queue->take(tags);
    seen.insert(tags, tags + taken);
  }
  CHECK(std::set<std::uint64_t>(seen.begin(), seen.end()).size() == 50);
  CHECK(::poll(&readable, 1, 0) == 0);
  std::uint64_t tag = 0;
  CHECK(queue->take({&tag, 1}) == 0);
  for (const Job& job : jobs) CHECK(job.done());
}

TEST_CASE("a completion queue that is dropped with jobs in flight is no one's trouble") {
  Fixture fixture;
  fixture.hold();
  auto queue = std::make_shared<CompletionQueue>();
  const Job job = fixture.analyzer->submit(fixture.picture(), {.completions = queue, .tag = 1});
  queue.reset();
  fixture.release();
  CHECK(job.outcome().has_value());
}

TEST_CASE("a manager destroyed with jobs in flight lets them end, and the jobs outlive it") {
  test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  const auto script = test::scripted_backend("jobs");
  script->run = [&](const BatchInput&, const BatchOutput& output) {
    std::this_thread::sleep_for(2ms);
    script->answer(output);
  };
  std::atomic<int> called{0};
  std::vector<Job> jobs;
  {
    ModelManager manager;
    LoadOptions options;
    options.backend = "jobs";
    const Analyzer analyzer(manager.load(folder.path(), options));
    const Image image = Image::read(folder.path() / "self_test.png");
    for (int i = 0; i < 30; ++i) {
      jobs.push_back(analyzer.submit(image, {.on_done = [&](const Job&) { ++called; }}));
    }
  }
  for (const Job& job : jobs) CHECK(job.outcome().has_value());
  jobs.clear();
  while (called < 30) std::this_thread::yield();
}

/// Threads of this process with that name.
int threads_named(std::string_view name) {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string its;
    std::getline(std::ifstream(task.path() / "comm"), its);
    count += its == name ? 1 : 0;
  }
  return count;
}

TEST_CASE("on one CPU the budget is one thread, for the network and for the pool, however many jobs come") {
  std::thread([] {  // whose affinity the manager sees; the test's own stays as it is
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    const Fixture fixture;
    CHECK(fixture.manager.engine_status().threads == 1);
    CHECK(fixture.manager.engine_status().threads_source == "affinity");
    const int before = threads_named("mediscan pool");
    std::vector<Job> jobs;
    for (int i = 0; i < 50; ++i) jobs.push_back(fixture.analyzer->submit(fixture.bytes()));
    for (const Job& job : jobs) CHECK(job.outcome().has_value());
    CHECK(threads_named("mediscan pool") == before + 1);
  })
      .join();
}

TEST_CASE("when a manager has drained, every job it accepted is done") {
  int open = 0;
  for (int round = 0; round < 100; ++round) {
    Fixture fixture;
    std::vector<Job> jobs;
    for (int i = 0; i < 20; ++i) jobs.push_back(fixture.analyzer->submit(fixture.picture()));
    REQUIRE(fixture.manager.drain(10s));
    for (const Job& job : jobs) open += job.done() ? 0 : 1;
    CHECK(fixture.manager.engine_status().jobs == 0);
  }
  CHECK(open == 0);
}

TEST_CASE("dropping every copy of a job does not cancel it") {
  Fixture fixture;
  std::atomic<bool> good{false};
  (void)fixture.analyzer->submit(fixture.picture(),
                                 {.on_done = [&](const Job& job) { good = job.outcome().has_value(); }});
  while (!good) std::this_thread::yield();
}

TEST_CASE("in a child made by fork() jobs of the parent are FORKED while unfinished, and readable when done") {
  Fixture fixture;
  const Job done = fixture.analyzer->submit(fixture.picture());
  done.wait();
  fixture.hold();
  const Job open = fixture.analyzer->submit(fixture.picture());
  fixture.wait_until_held();
  const Image image = fixture.picture();
  CompletionQueue queue;
  const int code = test::exit_code_of_child([&] {
    const bool forked = error_of([&] { open.wait(); }).code() == ErrorCode::forked &&
                        error_of([&] { (void)open.cancel(); }).code() == ErrorCode::forked &&
                        error_of([&] { (void)fixture.analyzer->submit(image); }).code() == ErrorCode::forked;
    std::uint64_t tag = 0;
    const bool kept = error_of([&] { (void)queue.take({&tag, 1}); }).code() == ErrorCode::forked;
    return forked && kept && done.outcome().has_value() ? 0 : 2;
  });
  CHECK(code == 0);
  fixture.release();
  CHECK(open.outcome().has_value());
}

}  // namespace
}  // namespace mediscan
