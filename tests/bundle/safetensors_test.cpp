// The safetensors reader: files of the reference implementation read exactly, and a file against each rule of the
// format refused. The rules are those of https://github.com/huggingface/safetensors (section "Format" of its README).
#include "bundle/safetensors.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "errors.hpp"

using mediscan::ErrorCode;
using mediscan::Stage;
using mediscan::bundle::Safetensors;
using mediscan::test::contains;
using mediscan::test::error_of;

namespace {

/// Eight bytes of length, the header, so many zero bytes of data.
std::string file_of(std::string_view header, std::size_t data_bytes) {
  std::string file;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    file.push_back(static_cast<char>((std::uint64_t{header.size()} >> shift) & 0xFFU));
  }
  return file.append(header).append(data_bytes, '\0');
}

Safetensors parse(std::string_view file) {
  return Safetensors::parse(std::as_bytes(std::span(file)), "model.safetensors");
}

/// The message without "model.safetensors: ".
std::string message_of_file(std::string_view file) {
  const auto error = error_of([&] { parse(file); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.stage() == Stage::bundle);
  constexpr std::string_view name = "model.safetensors: ";
  REQUIRE(error.message().starts_with(name));
  return error.message().substr(name.size());
}

std::string message_of(std::string_view header, std::size_t data_bytes) {
  return message_of_file(file_of(header, data_bytes));
}

std::string header_of(std::string_view tensor) { return "{\"a\":" + std::string(tensor) + "}"; }

}  // namespace

TEST_CASE("files of the reference implementation are read exactly") {
  const std::filesystem::path folder = MEDISCAN_BUNDLE_FIXTURES;
  if (!std::filesystem::exists(folder / "expected.json")) {
    std::puts("MEDISCAN_SKIP: needs the Python package safetensors in MEDISCAN_PYTHON");
    return;
  }
  std::ifstream stream(folder / "expected.json");
  const auto expected = nlohmann::json::parse(stream);
  REQUIRE(expected.size() == 5);
  for (const auto& [name, content] : expected.items()) {
    CAPTURE(name);
    const mediscan::base::MappedFile file(folder / (name + ".safetensors"), Stage::bundle);
    const auto read = Safetensors::parse(file.bytes(), name);
    CHECK(nlohmann::json(read.metadata()) == content["metadata"]);
    CHECK(read.tensors().size() == content["tensors"].size());
    for (const auto& [key, tensor] : content["tensors"].items()) {
      CAPTURE(key);
      const auto* entry = read.find(key);
      REQUIRE(entry != nullptr);
      CHECK(entry->name == key);
      CHECK(name_of(entry->dtype) == tensor["dtype"].get<std::string>());
      CHECK(entry->shape == tensor["shape"].get<std::vector<std::int64_t>>());
      CHECK(mediscan::base::sha256_hex(entry->bytes) == tensor["sha256"].get<std::string>());
    }
  }
}

TEST_CASE("tensors come in the order of their bytes, whatever the order of the header") {
  const auto read = parse(file_of(
      R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      7));
  REQUIRE(read.tensors().size() == 2);
  CHECK(read.tensors()[0].name == "b");
  CHECK(read.tensors()[1].name == "a");
  CHECK(read.tensors()[1].bytes.data() == read.tensors()[0].bytes.data() + 4);
  CHECK(read.find("c") == nullptr);
}

TEST_CASE("a header padded with spaces and tensors without elements are fine") {
  const auto read = parse(file_of(
      R"({"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"c":{"dtype":"F64","shape":[0],"data_offsets":[2,2]}}      )",
      2));
  CHECK(read.tensors().size() == 3);
  CHECK(read.find("a")->bytes.empty());
  CHECK(read.find("b")->bytes.size() == 2);
}

TEST_CASE("a file too short for its length, or for its header, is refused") {
  CHECK(message_of_file("") == "0 bytes are too few for a safetensors file, expected at least 8");
  CHECK(message_of_file("1234567") == "7 bytes are too few for a safetensors file, expected at least 8");
  CHECK(message_of_file(file_of("{}", 0).substr(0, 9)) == "header length is 2, but the file has only 1 bytes after it");
  CHECK(message_of_file(std::string(7, '\xFF') + "\x7F{}") ==
        "header length is 9223372036854775807, expected at most 100000000");
  CHECK(message_of_file(std::string(8, '\xFF') + "{}") ==
        "header length is 18446744073709551615, expected at most 100000000");
  CHECK(message_of_file(std::string("\x01\xE1\xF5\x05\0\0\0\0{}", 10)) ==
        "header length is 100000001, expected at most 100000000");
  CHECK(message_of_file(std::string("\x00\xE1\xF5\x05\0\0\0\0{}", 10)) ==
        "header length is 100000000, but the file has only 2 bytes after it");
  CHECK(contains(error_of([] { parse(""); }).hint(), "copy or export it again"));
}

TEST_CASE("a header that does not begin with a brace is refused") {
  for (const char* header : {"", " {}", "[]", "\n{}"})
    CHECK(message_of(header, 0) == "header does not begin with \"{\"");
}

TEST_CASE("a header that is not strict JSON is refused") {
  CHECK(contains(message_of("{", 0), "header: not valid JSON: "));
  CHECK(contains(message_of("{}x", 0), "header: not valid JSON: "));
  CHECK(contains(message_of("{\"\xFF\":1}", 0), "header: not valid JSON: "));
  CHECK(
      message_of(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          1) == "header: $.a is a duplicate field, expected every field once");
  CHECK(contains(message_of("{\"a\":" + std::string(100'000, '['), 0), "too deeply nested"));
}

TEST_CASE("each field of a tensor is checked") {
  CHECK(message_of(header_of("7"), 0) == "header: $.a is 7, expected an object");
  CHECK(
      message_of(header_of(R"({"dtype":"F33","shape":[],"data_offsets":[0,4]})"), 4) ==
      R"(header: $.a.dtype is "F33", expected one of "BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F8_E4M3", "F8_E5M2", "F16", "BF16", "F32", "F64")");
  CHECK(contains(message_of(header_of(R"({"shape":[],"data_offsets":[0,4]})"), 4),
                 "header: $.a.dtype is missing, expected one of"));
  CHECK(message_of(header_of(R"({"dtype":"U8","data_offsets":[0,1]})"), 1) ==
        "header: $.a.shape is missing, expected an array of 0 to 64 elements");
  CHECK(message_of(header_of(R"({"dtype":"U8","shape":[1]})"), 1) ==
        "header: $.a.data_offsets is missing, expected an array of 2 elements");
  CHECK(message_of(header_of(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1,2]})"), 1) ==
        "header: $.a.data_offsets is an array of 3 elements, expected an array of 2 elements");
  CHECK(message_of(header_of(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]})"), 1) ==
        R"(header: $.a.strides is an unknown field, expected one of "dtype", "shape", "data_offsets")");
  CHECK(contains(message_of(R"({"layer1.0.conv1.weight":{"dtype":"F33"}})", 0),
                 R"(header: $["layer1.0.conv1.weight"].dtype is "F33")"));
}

TEST_CASE("sizes and offsets are whole numbers that 63 bits can hold") {
  const std::string range = ", expected a whole number from 0 to 9223372036854775807";
  for (const char* size : {"-1", "1.0", "9223372036854775808", "true"}) {
    const std::string found = nlohmann::json::parse(size).dump();
    CHECK(message_of(header_of(R"({"dtype":"U8","data_offsets":[0,1],"shape":[)" + std::string(size) + "]}"), 1) ==
          "header: $.a.shape[0] is " + found + range);
    CHECK(message_of(header_of(R"({"dtype":"U8","shape":[1],"data_offsets":[0,)" + std::string(size) + "]}"), 1) ==
          "header: $.a.data_offsets[1] is " + found + range);
  }
}

TEST_CASE("a shape whose product overflows is refused, also when a side of zero hides it") {
  for (const char* shape :
       {"4294967296,4294967296", "9223372036854775807,2", "0,9223372036854775807,9223372036854775807",
        "9223372036854775807,9223372036854775807,0", "2305843009213693952"}) {
    CHECK(message_of(header_of(R"({"dtype":"F32","data_offsets":[0,0],"shape":[)" + std::string(shape) + "]}"), 0) ==
          "header: $.a.shape is larger than 64 bits can count, expected sizes whose product fits 63 bits");
  }
}

TEST_CASE("a range that ends before it begins, or does not fit shape and dtype, is refused") {
  CHECK(message_of(header_of(R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})"), 1) ==
        "header: $.a.data_offsets is [1, 0], expected a begin that is not after its end");
  CHECK(message_of(header_of(R"({"dtype":"BF16","shape":[2,3],"data_offsets":[0,24]})"), 24) ==
        "header: $.a.data_offsets is a range of 24 bytes, expected 12 bytes for this shape of BF16");
  CHECK(message_of(header_of(R"({"dtype":"F64","shape":[0],"data_offsets":[0,8]})"), 8) ==
        "header: $.a.data_offsets is a range of 8 bytes, expected 0 bytes for this shape of F64");
}

TEST_CASE("the tensors cover the data with no hole, no overlap and no tail") {
  const auto two = [](const char* first, const char* second) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + std::string(first) +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  CHECK_NOTHROW(parse(file_of(two("[0,2]", "[2,4]"), 4)));
  CHECK(message_of(two("[1,3]", "[3,5]"), 5) ==
        "header: $.a.data_offsets is [1, 3], expected a begin of 0 (a hole between tensors)");
  CHECK(message_of(two("[0,2]", "[3,5]"), 5) ==
        "header: $.b.data_offsets is [3, 5], expected a begin of 2 (a hole between tensors)");
  CHECK(message_of(two("[0,2]", "[1,3]"), 3) ==
        "header: $.b.data_offsets is [1, 3], expected a begin of 2 (an overlap between tensors)");
  CHECK(message_of(two("[0,2]", "[0,2]"), 2) ==
        "header: $.b.data_offsets is [0, 2], expected a begin of 2 (an overlap between tensors)");
  CHECK(message_of(two("[0,2]", "[2,4]"), 3) ==
        "header: $.b.data_offsets is [2, 4], expected an end within the 3 bytes of data (is the file cut short?)");
  CHECK(message_of(two("[0,2]", "[2,4]"), 5) ==
        "header: the data is 5 bytes long, expected 4 bytes, the end of the last tensor");
  CHECK(message_of("{}", 1) == "header: the data is 1 bytes long, expected 0 bytes, the end of the last tensor");
}

TEST_CASE("metadata are strings and nothing else") {
  CHECK(parse(file_of(R"({"__metadata__":{"format":"pt"}})", 0)).metadata().at("format") == "pt");
  CHECK(message_of(R"({"__metadata__":[]})", 0) ==
        "header: $.__metadata__ is an array of 0 elements, expected an object of strings");
  CHECK(message_of(R"({"__metadata__":{"epoch":3}})", 0) == "header: $.__metadata__.epoch is 3, expected a string");
}

TEST_CASE("every cut of a valid file is refused") {
  const std::string file = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::string cut = file.substr(0, size);
    CHECK_THROWS_AS(parse(cut), mediscan::Error);
  }
}
