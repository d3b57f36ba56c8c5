#include "capi/boundary.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace mediscan::capi {
namespace {

template <class Thrown>
mediscan_status status_of(Thrown thrown, mediscan_error** error = nullptr) {
  return boundary(error, [&] { throw thrown; });
}

TEST_CASE("success leaves the error alone") {
  auto* untouched = reinterpret_cast<mediscan_error*>(std::uintptr_t{1});
  CHECK(boundary(&untouched, [] {}) == MEDISCAN_OK);
  CHECK(untouched == reinterpret_cast<mediscan_error*>(std::uintptr_t{1}));
}

TEST_CASE("an Error arrives with its code, stage, message and hint") {
  mediscan_error* error = nullptr;
  CHECK(status_of(Error(ErrorCode::truncated_image, Stage::decode, "x.jpg: cut", "send it again"), &error) ==
        MEDISCAN_TRUNCATED_IMAGE);
  CHECK(mediscan_error_status(error) == MEDISCAN_TRUNCATED_IMAGE);
  CHECK(std::string(mediscan_error_stage(error)) == "decode");
  CHECK(std::string(mediscan_error_message(error)) == "x.jpg: cut");
  CHECK(std::string(mediscan_error_hint(error)) == "send it again");
  CHECK(mediscan_error_release(error) == MEDISCAN_OK);
  CHECK(mediscan_error_release(error) == MEDISCAN_INVALID_ARGUMENT);
}

TEST_CASE("an error says when the same call may succeed, where that is known") {
  mediscan_error* error = nullptr;
  status_of(Error(ErrorCode::overloaded, Stage::schedule, "full", "later", std::chrono::milliseconds(250)), &error);
  CHECK(mediscan_error_retry_after_ms(error) == 250);
  mediscan_error_release(error);
  CHECK(mediscan_error_retry_after_ms(error) == 0);
  status_of(Error(ErrorCode::not_found, Stage::bundle, "nothing there"), &error);
  CHECK(mediscan_error_retry_after_ms(error) == 0);
  mediscan_error_release(error);
}

TEST_CASE("every other exception becomes a status too") {
  CHECK(status_of(std::bad_alloc()) == MEDISCAN_OUT_OF_MEMORY);
  CHECK(status_of(std::runtime_error("odd")) == MEDISCAN_INTERNAL);
  CHECK(status_of(7) == MEDISCAN_INTERNAL);
  mediscan_error* error = nullptr;
  CHECK(status_of(std::runtime_error("odd"), &error) == MEDISCAN_INTERNAL);
  CHECK(std::string(mediscan_error_message(error)) == "odd");
  mediscan_error_release(error);
}

TEST_CASE("what is no error reads as empty, never as a crash") {
  mediscan_error* gone = nullptr;
  status_of(7, &gone);
  mediscan_error_release(gone);
  const int somewhere = 0;
  for (const mediscan_error* error :
       {static_cast<const mediscan_error*>(nullptr), static_cast<const mediscan_error*>(gone),
        reinterpret_cast<const mediscan_error*>(&somewhere)}) {
    CHECK(mediscan_error_status(error) == MEDISCAN_INVALID_ARGUMENT);
    CHECK(std::string(mediscan_error_message(error)).empty());
    CHECK(std::string(mediscan_error_hint(error)).empty());
    CHECK(std::string(mediscan_error_stage(error)).empty());
  }
  CHECK(mediscan_error_release(nullptr) == MEDISCAN_OK);
}

TEST_CASE("every status has its name") {
  CHECK(std::string(mediscan_status_name(MEDISCAN_OK)) == "OK");
  CHECK(std::string(mediscan_status_name(MEDISCAN_FORKED)) == "FORKED");
  CHECK(std::string(mediscan_status_name(MEDISCAN_TRUNCATED_IMAGE)) == "TRUNCATED_IMAGE");
  CHECK(std::string(mediscan_status_name(12345)) == "UNKNOWN");
}

}  // namespace
}  // namespace mediscan::capi
