#include "model/model_memory.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"

namespace mediscan::model {
namespace {

using test::error_of;

struct Loaded final : Evictable {
  Loaded(ModelMemory& memory, std::uint64_t bytes, int used_at, bool busy = false)
      : share(memory.take(bytes, "a test's")), time(std::chrono::seconds(used_at)), in_use(busy) {}
  [[nodiscard]] std::chrono::steady_clock::time_point last_used() const noexcept override {
    return std::chrono::steady_clock::time_point(time);
  }
  bool try_evict() override {
    if (in_use || evicted) return false;
    share.resize(0);
    evicted = true;
    return true;
  }
  ModelMemory::Share share;
  std::chrono::seconds time;
  bool in_use;
  bool evicted = false;
};

TEST_CASE("without a bound everything fits") {
  ModelMemory memory(0);
  const auto share = memory.take(1ULL << 50, "huge");
  CHECK(memory.used() == 1ULL << 50);
}

TEST_CASE("the one that was idle longest leaves first, and no more leave than must") {
  ModelMemory memory(100);
  const auto recent = std::make_shared<Loaded>(memory, 40, 20);
  const auto old = std::make_shared<Loaded>(memory, 40, 10);
  memory.enroll(recent);
  memory.enroll(old);
  const auto share = memory.take(50, "new");
  CHECK(old->evicted);
  CHECK_FALSE(recent->evicted);
  CHECK(memory.used() == 90);
}

TEST_CASE("models in use stay: then there is no room, for now") {
  ModelMemory memory(100);
  const auto busy = std::make_shared<Loaded>(memory, 80, 1, true);
  memory.enroll(busy);
  const Error error = error_of([&] { (void)memory.take(30, "model new 1.0"); });
  CHECK(error.code() == ErrorCode::overloaded);
  CHECK(test::contains(error.message(), "model new 1.0"));
  CHECK(error.retry_after().count() > 0);
  CHECK(memory.used() == 80);
}

TEST_CASE("what can never fit is LIMIT_EXCEEDED, and evicts nobody") {
  ModelMemory memory(100);
  const auto idle = std::make_shared<Loaded>(memory, 80, 1);
  memory.enroll(idle);
  CHECK(error_of([&] { (void)memory.take(101, "giant"); }).code() == ErrorCode::limit_exceeded);
  CHECK_FALSE(idle->evicted);
}

TEST_CASE("a share follows what the model really holds, and goes with it") {
  ModelMemory memory(100);
  {
    auto share = memory.take(10, "a");
    share.resize(60);
    CHECK(memory.used() == 60);
    auto moved = std::move(share);
    CHECK(memory.used() == 60);
  }
  CHECK(memory.used() == 0);
}

}  // namespace
}  // namespace mediscan::model
