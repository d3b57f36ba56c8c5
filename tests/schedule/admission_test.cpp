#include "schedule/admission.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "errors.hpp"

namespace mediscan::schedule {
namespace {

using namespace std::chrono_literals;
using test::error_of;

TEST_CASE("beyond max_jobs the answer is OVERLOADED, with the bound's name and when to try again") {
  Admission admission(2, 1000);
  const auto first = admission.admit(1, 0ms);
  {
    const auto second = admission.admit(1, 0ms);
    const Error error = error_of([&] { (void)admission.admit(1, 350ms); });
    CHECK(error.code() == ErrorCode::overloaded);
    CHECK(test::contains(error.message(), "max_jobs"));
    CHECK(test::contains(error.hint(), "350 ms"));
    CHECK(error.retry_after() == 350ms);
  }
  CHECK_NOTHROW((void)admission.admit(1, 0ms));
}

TEST_CASE("beyond max_job_bytes, too, and what can never fit is LIMIT_EXCEEDED") {
  Admission admission(10, 1000);
  const auto first = admission.admit(700, 0ms);
  const Error error = error_of([&] { (void)admission.admit(400, 1ms); });
  CHECK(error.code() == ErrorCode::overloaded);
  CHECK(test::contains(error.message(), "max_job_bytes"));
  CHECK_NOTHROW((void)admission.admit(300, 0ms));
  const Error never = error_of([&] { (void)admission.admit(1001, 1ms); });
  CHECK(never.code() == ErrorCode::limit_exceeded);
  CHECK(admission.level().bytes == 700);
  CHECK(admission.level().jobs == 1);
}

TEST_CASE("a closed admission takes no more, and tells when all that it took is done") {
  Admission admission(10, 1000);
  auto permit = admission.admit(1, 0ms);
  admission.close();
  CHECK(error_of([&] { (void)admission.admit(1, 0ms); }).code() == ErrorCode::shut_down);
  CHECK_FALSE(admission.wait_for_none(10ms));
  std::thread last([&] {
    std::this_thread::sleep_for(20ms);
    permit = {};
  });
  CHECK(admission.wait_for_none(10s));
  last.join();
}

TEST_CASE("a job whose permit is back but whose end is not told is not yet done") {
  Admission admission(10, 1000);
  {
    const auto permit = admission.admit(1, 0ms);
    admission.expect_end();
  }
  CHECK_FALSE(admission.wait_for_none(10ms));
  CHECK(admission.level().untold == 1);
  admission.end_told();
  CHECK(admission.wait_for_none(0ms));
}

TEST_CASE("permits of many threads add up to nothing in the end, and never beyond the bound") {
  Admission admission(3, 1000);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back([&] {
      for (int k = 0; k < 500; ++k) {
        try {
          const auto permit = admission.admit(10, 1ms);
          const int now = ++inside;
          if (now > most) most = now;
          --inside;
        } catch (const Error&) {
        }
      }
    });
  }
  for (auto& user : users) user.join();
  CHECK(most <= 3);
  CHECK(admission.level().jobs == 0);
  CHECK(admission.level().bytes == 0);
}

}  // namespace
}  // namespace mediscan::schedule
