#include "capi/request.hpp"

#include <doctest/doctest.h>

#include "calls.hpp"
#include "capi/arguments.hpp"
#include "errors.hpp"

namespace mediscan::capi {
namespace {

using test::defaults;
using test::error_of;

TEST_CASE("no request, an empty one and one of the 1.0 ABI are the defaults") {
  auto request = defaults(mediscan_request_init);
  auto old = request;
  old.struct_size = 8;  // all that 1.0 had
  old.priority = 77;    // what lies behind it is not looked at
  for (const mediscan_request* given :
       {static_cast<const mediscan_request*>(nullptr), static_cast<const mediscan_request*>(&request),
        static_cast<const mediscan_request*>(&old)}) {
    const JobOptions options = submit_options(given);
    CHECK(options.timeout.count() == 0);
    CHECK(options.priority == Priority::normal);
    CHECK(options.cache);
    CHECK(options.completions == nullptr);
    CHECK(waiting_options(given).cache);
  }
}

TEST_CASE("time-out, priority and cache count for every call") {
  auto request = defaults(mediscan_request_init);
  request.timeout_ns = 1500;
  request.priority = MEDISCAN_PRIORITY_HIGH;
  request.no_cache = 1;
  for (const JobOptions& options : {waiting_options(&request), submit_options(&request)}) {
    CHECK(options.timeout == std::chrono::nanoseconds(1500));
    CHECK(options.priority == Priority::high);
    CHECK_FALSE(options.cache);
  }
}

TEST_CASE("an unknown priority and a reserved field that is set are INVALID_ARGUMENT") {
  auto request = defaults(mediscan_request_init);
  request.priority = 2;
  CHECK(error_of([&] { submit_options(&request); }).message() == "mediscan_request.priority is 2");
  request.priority = -2;
  CHECK(error_of([&] { waiting_options(&request); }).code() == ErrorCode::invalid_argument);
  request.priority = 0;
  request.reserved = 1;
  CHECK(error_of([&] { submit_options(&request); }).message() == "mediscan_request.reserved is not 0");
}

TEST_CASE("a call that waits refuses to be told to tell") {
  mediscan_request request{};
  const auto refused = [&](auto&& set) {
    request = defaults(mediscan_request_init);
    set();
    return error_of([&] { waiting_options(&request); }).message();
  };
  CHECK(test::contains(refused([&] { request.tag = 1; }), "mediscan_request.tag"));
  CHECK(test::contains(refused([&] { request.on_done = [](void*, mediscan_job*) {}; }), "mediscan_request.on_done"));
  CHECK(test::contains(refused([&] { request.on_done_user = &request; }), "mediscan_request.on_done_user"));
  CHECK(test::contains(refused([&] { request.completions = reinterpret_cast<mediscan_completions*>(&request); }),
                       "mediscan_request.completions"));
}

TEST_CASE("completions that are no handle are refused when they are asked for") {
  auto request = defaults(mediscan_request_init);
  request.completions = reinterpret_cast<mediscan_completions*>(&request);
  CHECK(error_of([&] { submit_options(&request); }).code() == ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace mediscan::capi
