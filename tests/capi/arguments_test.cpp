#include "capi/arguments.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

#include "errors.hpp"

namespace mediscan::capi {
namespace {

using test::contains;
using test::error_of;

TEST_CASE("a text is taken with its length, or up to its NUL") {
  CHECK(text_of("lesion.jpg", MEDISCAN_NUL, "path") == "lesion.jpg");
  CHECK(text_of("lesion.jpg", 6, "path") == "lesion");
  CHECK(text_of("", 0, "path").empty());
}

TEST_CASE("a text that is NULL or has a NUL inside is INVALID_ARGUMENT by its name") {
  CHECK(error_of([] { text_of(nullptr, 0, "path"); }).message() == "path is NULL");
  const Error inside = error_of([] { text_of("a\0b", 3, "path"); });
  CHECK(inside.code() == ErrorCode::invalid_argument);
  CHECK(contains(inside.message(), "path has a NUL byte"));
}

TEST_CASE("a choice is one of its words, NULL is the first, anything else lists them") {
  const auto choice = [](const char* word) { return choice_of<int>(word, "options.how", {{"one", 1}, {"two", 2}}); };
  CHECK(choice(nullptr) == 1);
  CHECK(choice("two") == 2);
  const Error error = error_of([&] { choice("three"); });
  CHECK(error.message() == "options.how is \"three\"");
  CHECK(contains(error.hint(), "one, two"));
}

TEST_CASE("options that are NULL are the defaults, and init makes options of the size asked for") {
  CHECK(options_of<mediscan_load_options>(nullptr, "options").max_batch == 0);
  mediscan_load_options options;
  options.max_batch = 99;
  mediscan_load_options_init(&options, sizeof options);
  CHECK(options.struct_size == sizeof options);
  CHECK(options.max_batch == 0);
  mediscan_load_options_init(nullptr, sizeof options);  // nothing to set
  mediscan_load_options_init(&options, 2);              // no room even for the size: left alone
  CHECK(options.struct_size == sizeof options);
}

TEST_CASE("a struct of the 1.0 ABI is taken, with defaults for what it does not have") {
  mediscan_load_options options{};
  options.struct_size = 40;  // all that 1.0 had
  options.max_batch = 4;
  options.hang_timeout_ms = 7;  // lies behind it
  const auto read = options_of(&options, "mediscan_load_options");
  CHECK(read.max_batch == 4);
  CHECK(read.hang_timeout_ms == 0);
}

TEST_CASE("a struct_size that nobody set is INVALID_ARGUMENT with the remedy") {
  for (const std::uint32_t size : {0U, 4U, 39U, 0xCDCDCDCDU}) {
    mediscan_load_options options{};
    options.struct_size = size;
    const Error error = error_of([&] { options_of(&options, "mediscan_load_options"); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(contains(error.message(), "struct_size " + std::to_string(size)));
    CHECK(contains(error.hint(), "_init"));
  }
}

/// What a program compiled against a later header hands in: the struct with a field behind it.
struct Later {
  mediscan_load_options known{};
  std::uint64_t added = 0;
};

TEST_CASE("a time-out beyond what a clock can add is a hundred years") {
  CHECK(timeout_of(0).count() == 0);
  CHECK(timeout_of(1500).count() == 1500);
  CHECK(timeout_of(MEDISCAN_FOREVER) == std::chrono::hours(24 * 36'525));
}

TEST_CASE("a later, larger struct works as long as what is new in it is 0") {
  Later later;
  later.known.struct_size = sizeof later;
  later.known.max_batch = 4;
  CHECK(options_of(&later.known, "options").max_batch == 4);
  later.added = 1;
  const Error error = error_of([&] { options_of(&later.known, "options"); });
  CHECK(error.code() == ErrorCode::unsupported);
  CHECK(contains(error.hint(), "update libmediscan"));
}

TEST_CASE("an output struct keeps its struct_size, and what is new in a larger one becomes 0") {
  struct {
    mediscan_finding known{};
    std::uint64_t added = 7;
  } out;
  out.known.struct_size = sizeof out;
  mediscan_finding value{};
  value.logit = 1.5;
  write_struct(value, &out.known, "mediscan_finding");
  CHECK(out.known.struct_size == sizeof out);
  CHECK(out.known.logit == 1.5);
  CHECK(out.added == 0);
  out.known.struct_size = 3;
  CHECK(error_of([&] { write_struct(value, &out.known, "mediscan_finding"); }).code() == ErrorCode::invalid_argument);
  mediscan_finding* none = nullptr;
  CHECK(error_of([&] { write_struct(value, none, "finding"); }).message() == "finding is NULL");
}

}  // namespace
}  // namespace mediscan::capi
