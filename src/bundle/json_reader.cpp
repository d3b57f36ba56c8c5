// The typed reads of the cursor and the few words it has for a value.
#include "bundle/json_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mediscan::bundle {
namespace {

using nlohmann::json;

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string in_few_words(const json* value) {
  if (value == nullptr) return "missing";
  switch (value->type()) {
    case json::value_t::string:
      return string_literal(value->get_ref<const std::string&>());
    case json::value_t::array:
      return fmt::format("an array of {}", counted(value->size(), "element", "elements"));
    case json::value_t::object:
      return "an object";
    default:
      return value->dump();
  }
}

/// U+0000 to U+001F, U+007F, and U+0080 to U+009F (which begin with C2 in UTF-8): they drive terminals and cut file
/// names.
bool has_control_characters(std::string_view text, std::string_view allowed) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 || c == 0x7F) && allowed.find(text[i]) == std::string_view::npos) return true;
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

std::string element_count(std::size_t least, std::size_t most) {
  if (least == most) return counted(least, "element", "elements");
  if (most == std::numeric_limits<std::size_t>::max())
    return fmt::format("at least {}", counted(least, "element", "elements"));
  return fmt::format("{} to {} elements", least, most);
}

}  // namespace

void JsonReader::expect_fields(std::initializer_list<std::string_view> known, bool extensions) const {
  if (value_ == nullptr || !value_->is_object()) fail("an object");
  for (const auto& item : value_->items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    if (extensions && item.key().starts_with("x-")) continue;
    throw_invalid(document_, child_path(path_, item.key()), "an unknown field", one_of(known),
                  "check the spelling; a field of your own goes to the top level and is named \"x-...\"");
  }
}

JsonReader JsonReader::field(std::string_view name) const {
  const json* found = nullptr;
  if (value_ != nullptr && value_->is_object()) {
    if (const auto at = value_->find(name); at != value_->end()) found = &*at;
  }
  return {found, child_path(path_, name), document_};
}

std::vector<JsonReader> JsonReader::elements(std::size_t least, std::size_t most) const {
  if (value_ == nullptr || !value_->is_array() || value_->size() < least || value_->size() > most) {
    fail(fmt::format("an array of {}", element_count(least, most)));
  }
  std::vector<JsonReader> readers;
  readers.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    readers.push_back(JsonReader(&(*value_)[i], child_path(path_, i), document_));
  }
  return readers;
}

bool JsonReader::boolean() const {
  if (value_ == nullptr || !value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::uint64_t JsonReader::integer(std::uint64_t least, std::uint64_t most) const {
  const bool whole = value_ != nullptr && value_->is_number_integer();
  const bool negative = whole && !value_->is_number_unsigned() && value_->get<std::int64_t>() < 0;
  const std::uint64_t value = whole && !negative ? value_->get<std::uint64_t>() : 0;
  if (!whole || negative || value < least || value > most) {
    fail(least == most ? fmt::format("{}", least) : fmt::format("a whole number from {} to {}", least, most));
  }
  return value;
}

std::uint32_t JsonReader::integer32(std::uint32_t least, std::uint32_t most) const {
  return static_cast<std::uint32_t>(integer(least, most));
}

double JsonReader::number(bool (*accepts)(double), std::string_view expected) const {
  if (value_ == nullptr || !value_->is_number() || !accepts(value_->get<double>())) fail(expected);
  return value_->get<double>();
}

float JsonReader::float32() const {
  constexpr double largest = std::numeric_limits<float>::max();
  return static_cast<float>(number([](double v) { return std::abs(v) <= largest; }, "a number that float32 can hold"));
}

std::string JsonReader::text() const {
  std::string result = any_text();
  if (result.empty() || has_control_characters(result, ""))
    fail("a string that is not empty and has no control characters");
  return result;
}

std::string JsonReader::prose() const {
  std::string result = any_text();
  if (result.empty() || has_control_characters(result, "\n\t")) {
    fail("a string that is not empty and has no control characters but line breaks and tabs");
  }
  return result;
}

std::string JsonReader::any_text() const {
  if (value_ == nullptr || !value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

std::string JsonReader::name_among(std::initializer_list<std::string_view> names) const {
  return std::string(std::data(names)[index_among(names)]);
}

std::size_t JsonReader::index_among(std::span<const std::string_view> names) const {
  if (value_ != nullptr && value_->is_string()) {
    const auto at = std::find(names.begin(), names.end(), value_->get_ref<const std::string&>());
    if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  }
  fail(one_of(names));
}

void JsonReader::fail(std::string_view expected, std::string_view hint) const {
  throw_invalid(document_, path_, in_few_words(value_), expected, hint);
}

void JsonReader::fail_found(std::string_view found, std::string_view expected) const {
  throw_invalid(document_, path_, found, expected);
}

const json& JsonReader::value() const {
  if (value_ == nullptr) fail("a value");
  return *value_;
}

std::string JsonReader::one_of(std::span<const std::string_view> names) {
  if (names.size() == 1) return fmt::format("\"{}\"", names.front());
  return fmt::format("one of \"{}\"", fmt::join(names, "\", \""));
}

}  // namespace mediscan::bundle
