// A cursor over a JSON tree that knows its path, so that every wrong value is reported as where, what was found, what
// was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/json_parse.hpp"

namespace mediscan::bundle {

/// A value of an enumeration and its name in JSON.
template <class E>
struct Named {
  E value;
  std::string_view name;
};

/// A place in a document, with or without a value. Light to copy; `tree` and `document` must outlive it. Every read
/// throws BUNDLE_INVALID when the value is missing or not what it reads.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& tree, std::string_view document) : JsonReader(&tree, "$", document) {}

  /// False when the field is absent or null.
  [[nodiscard]] bool present() const noexcept { return value_ != nullptr && !value_->is_null(); }

  /// The value must be an object with no field but these; with `extensions`, fields named "x-..." are fine too.
  void expect_fields(std::initializer_list<std::string_view> known, bool extensions = false) const;

  /// A field of an object; one that is absent is a reader without a value.
  [[nodiscard]] JsonReader field(std::string_view name) const;
  [[nodiscard]] std::vector<JsonReader> elements(std::size_t least, std::size_t most) const;

  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::uint64_t integer(std::uint64_t least, std::uint64_t most) const;
  [[nodiscard]] std::uint32_t integer32(std::uint32_t least, std::uint32_t most) const;
  /// A number for which `accepts` holds; `expected` says which those are.
  [[nodiscard]] double number(bool (*accepts)(double), std::string_view expected) const;
  [[nodiscard]] float float32() const;
  /// A string that is not empty and has no control characters, so that it is safe on a terminal and as a file name.
  [[nodiscard]] std::string text() const;
  /// As text, but lines and tabs are allowed.
  [[nodiscard]] std::string prose() const;
  /// A string, whatever it is.
  [[nodiscard]] std::string any_text() const;

  template <class E>
  [[nodiscard]] E choice(std::span<const Named<E>> choices) const {
    std::vector<std::string_view> names;
    for (const auto& choice : choices) names.push_back(choice.name);
    return choices[index_among(names)].value;
  }
  /// A string that is one of these.
  [[nodiscard]] std::string name_among(std::initializer_list<std::string_view> names) const;

  /// "PATH is FOUND, expected EXPECTED", found being the value in few words.
  [[noreturn]] void fail(std::string_view expected, std::string_view hint = {}) const;
  [[noreturn]] void fail_found(std::string_view found, std::string_view expected) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string_view document() const noexcept { return document_; }
  [[nodiscard]] const nlohmann::json& value() const;  ///< must have one

  /// `one of "a", "b"`, or `"a"` when there is only one.
  static std::string one_of(std::span<const std::string_view> names);

 private:
  JsonReader(const nlohmann::json* value, std::string path, std::string_view document)
      : value_(value), path_(std::move(path)), document_(document) {}

  [[nodiscard]] std::size_t index_among(std::span<const std::string_view> names) const;

  const nlohmann::json* value_;
  std::string path_;
  std::string_view document_;
};

}  // namespace mediscan::bundle
