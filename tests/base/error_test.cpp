// The error type: its pinned numbers, its names, and how it carries what a caller knows. See
// include/mediscan/error.hpp.
#include <doctest/doctest.h>

#include <array>
#include <mediscan/error.hpp>
#include <string>

#include "errors.hpp"

using mediscan::Error;
using mediscan::ErrorCode;
using mediscan::Outcome;
using mediscan::Stage;

TEST_CASE("the numbers and names of error codes are those that were promised") {
  struct Promise {
    ErrorCode code;
    int number;
    std::string_view name;
  };
  // Written out by hand: a binary promise, so a change here is a break of it.
  constexpr std::array promises{Promise{ErrorCode::invalid_argument, 10, "INVALID_ARGUMENT"},
                                Promise{ErrorCode::not_found, 11, "NOT_FOUND"},
                                Promise{ErrorCode::unsupported, 12, "UNSUPPORTED"},
                                Promise{ErrorCode::io_error, 13, "IO_ERROR"},
                                Promise{ErrorCode::empty_input, 20, "EMPTY_INPUT"},
                                Promise{ErrorCode::unsupported_format, 21, "UNSUPPORTED_FORMAT"},
                                Promise{ErrorCode::corrupt_image, 22, "CORRUPT_IMAGE"},
                                Promise{ErrorCode::truncated_image, 23, "TRUNCATED_IMAGE"},
                                Promise{ErrorCode::limit_exceeded, 24, "LIMIT_EXCEEDED"},
                                Promise{ErrorCode::out_of_memory, 30, "OUT_OF_MEMORY"},
                                Promise{ErrorCode::bundle_invalid, 40, "BUNDLE_INVALID"},
                                Promise{ErrorCode::hash_mismatch, 41, "HASH_MISMATCH"},
                                Promise{ErrorCode::self_test_failed, 42, "SELF_TEST_FAILED"},
                                Promise{ErrorCode::backend_unavailable, 50, "BACKEND_UNAVAILABLE"},
                                Promise{ErrorCode::backend_failed, 51, "BACKEND_FAILED"},
                                Promise{ErrorCode::abi_mismatch, 52, "ABI_MISMATCH"},
                                Promise{ErrorCode::precision_unsupported, 53, "PRECISION_UNSUPPORTED"},
                                Promise{ErrorCode::not_ready, 60, "NOT_READY"},
                                Promise{ErrorCode::overloaded, 61, "OVERLOADED"},
                                Promise{ErrorCode::cancelled, 62, "CANCELLED"},
                                Promise{ErrorCode::deadline_exceeded, 63, "DEADLINE_EXCEEDED"},
                                Promise{ErrorCode::shut_down, 64, "SHUT_DOWN"},
                                Promise{ErrorCode::forked, 65, "FORKED"},
                                Promise{ErrorCode::internal, 90, "INTERNAL"}};
  for (const auto& promise : promises) {
    CHECK(static_cast<int>(promise.code) == promise.number);
    CHECK(name_of(promise.code) == promise.name);
  }
}

TEST_CASE("a number that is no code or stage has a name all the same") {
  CHECK(name_of(static_cast<ErrorCode>(12345)) == "UNKNOWN");
  CHECK(name_of(static_cast<Stage>(12345)) == "unknown");
}

TEST_CASE("stages are named in lower case") {
  constexpr std::array<std::string_view, 9> names{"decode", "preprocess", "schedule", "backend", "analyze",
                                                  "result", "bundle",     "model",    "argument"};
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(name_of(static_cast<Stage>(i)) == names.at(i));
}

TEST_CASE("an error keeps code, stage, message and hint, and what() is the message") {
  const Error error(ErrorCode::truncated_image, Stage::decode, "JPEG ends at byte 10240", "truncated upload?");
  CHECK(error.code() == ErrorCode::truncated_image);
  CHECK(error.stage() == Stage::decode);
  CHECK(error.message() == "JPEG ends at byte 10240");
  CHECK(error.hint() == "truncated upload?");
  CHECK(std::string(error.what()) == error.message());
}

TEST_CASE("about() puts a name before the message and changes nothing else") {
  const Error error(ErrorCode::truncated_image, Stage::decode, "JPEG ends at byte 10240", "truncated upload?");
  const Error named = error.about("lesion.jpg");
  CHECK(named.message() == "lesion.jpg: JPEG ends at byte 10240");
  CHECK(named.code() == error.code());
  CHECK(named.stage() == error.stage());
  CHECK(named.hint() == error.hint());
  CHECK(error.about("").message() == error.message());
}

TEST_CASE("an outcome is a value or the error that stands in its place") {
  const Outcome<std::string> good = std::string("value");
  CHECK(good.has_value());
  CHECK(good.value() == "value");
  CHECK_THROWS_AS((void)good.error(), std::bad_variant_access);

  const Outcome<std::string> bad = Error(ErrorCode::cancelled, Stage::schedule, "cancelled by its caller");
  CHECK_FALSE(static_cast<bool>(bad));
  CHECK(bad.error().message() == "cancelled by its caller");
  const Error thrown = mediscan::test::error_of([&] { (void)bad.value(); });
  CHECK(thrown.code() == ErrorCode::cancelled);

  Outcome<std::string> moved = std::string("value");
  CHECK(std::move(moved).value() == "value");
}
