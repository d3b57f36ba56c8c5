// JSON text to a tree, strictly: bounded depth and size, no duplicate fields, no invalid UTF-8. Reading typed values
// off the tree is JsonReader's work.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace mediscan::bundle {

/// Bounds that keep a hostile document from taking memory out of proportion.
struct JsonLimits {
  std::size_t max_depth = 32;
  std::size_t max_values = 100'000;
};

/// Throws BUNDLE_INVALID whose message begins with `document` and says where the text is wrong.
nlohmann::json parse_json(std::span<const std::byte> text, std::string_view document, const JsonLimits& limits = {});

/// "$.input" and "color" make "$.input.color"; a key that is no plain word makes $["conv1.weight"].
std::string child_path(std::string_view parent, std::string_view key);
std::string child_path(std::string_view parent, std::size_t index);

/// A JSON string literal of `text`, cut with "..." when it is long.
std::string string_literal(std::string_view text);

/// Throws BUNDLE_INVALID, stage bundle: "DOCUMENT: PATH is FOUND, expected EXPECTED".
[[noreturn]] void throw_invalid(std::string_view document, std::string_view path, std::string_view found,
                                std::string_view expected, std::string_view hint = {});

}  // namespace mediscan::bundle
