// The strict parser: nlohmann's tokens, our own tree building, so that duplicates and depth are seen where they happen.
#include "bundle/json_parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <vector>

namespace mediscan::bundle {
namespace {

using nlohmann::json;

/// At most `most` bytes of valid UTF-8 `text`, cut between code points.
std::string clipped(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return std::string(text.substr(0, most)) + "...";
}

/// nlohmann's message without its "[json.exception...] " and without the token it read, which may be long or no UTF-8.
std::string syntax_text(std::string_view what) {
  if (const auto end = what.find("] "); end != std::string_view::npos) what.remove_prefix(end + 2);
  what = what.substr(0, what.find("; last read:"));
  std::string text = clipped(what, 160);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c >= 0x80 || c < 0x20; }, '?');
  return text;
}

class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  TreeBuilder(std::string_view document, const JsonLimits& limits) : document_(document), limits_(limits) {}

  json take() { return std::move(root_); }

  bool null() override { return add(json()); }
  bool boolean(bool value) override { return add(json(value)); }
  bool number_integer(number_integer_t value) override { return add(json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(json(value)); }
  bool string(string_t& value) override { return add(json(std::move(value))); }
  bool binary(binary_t&) override { return false; }  // JSON text has none
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    open_.back().key = std::move(value);
    if (open_.back().container->contains(open_.back().key)) {
      throw_invalid(document_, path(), "a duplicate field", "every field once");
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    throw Error(ErrorCode::bundle_invalid, Stage::bundle,
                fmt::format("{}: not valid JSON: {} (byte {})", document_, syntax_text(error.what()), position));
  }

 private:
  struct Level {
    json* container;
    std::string key;  ///< of the field being read, when the container is an object
  };

  bool add(json value) {
    place(std::move(value));
    return true;
  }

  json& place(json value) {
    if (++count_ > limits_.max_values) {
      throw_invalid(document_, "$", fmt::format("made of more than {} values", limits_.max_values),
                    "a smaller document");
    }
    if (open_.empty()) return root_ = std::move(value);
    const Level& level = open_.back();
    if (level.container->is_array()) return level.container->emplace_back(std::move(value));
    return (*level.container)[level.key] = std::move(value);
  }

  bool open(json container) {
    if (open_.size() >= limits_.max_depth) {
      throw_invalid(document_, path(), "too deeply nested", fmt::format("at most {} levels", limits_.max_depth));
    }
    json& placed = place(std::move(container));
    open_.push_back({&placed, {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  /// Of the value that is being read.
  [[nodiscard]] std::string path() const {
    std::string result = "$";
    for (std::size_t i = 0; i < open_.size(); ++i) {
      const json& container = *open_[i].container;
      if (container.is_object()) {
        result = child_path(result, open_[i].key);
      } else {  // the innermost array has not got the value yet
        result = child_path(result, i + 1 == open_.size() ? container.size() : container.size() - 1);
      }
    }
    return result;
  }

  std::string_view document_;
  JsonLimits limits_;
  json root_;
  std::vector<Level> open_;
  std::size_t count_ = 0;
};

bool plain_word(std::string_view key) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !key.empty() && key.size() <= 60 && letter(key.front()) && std::all_of(key.begin(), key.end(), inner);
}

}  // namespace

json parse_json(std::span<const std::byte> text, std::string_view document, const JsonLimits& limits) {
  TreeBuilder builder(document, limits);
  const auto* begin = reinterpret_cast<const char*>(text.data());  // NOLINT: bytes seen as characters
  json::sax_parse(begin, begin + text.size(), &builder);           // NOLINT: every failure throws from the builder
  return builder.take();
}

std::string child_path(std::string_view parent, std::string_view key) {
  if (plain_word(key)) return fmt::format("{}.{}", parent, key);
  return fmt::format("{}[{}]", parent, string_literal(key));
}

std::string child_path(std::string_view parent, std::size_t index) { return fmt::format("{}[{}]", parent, index); }

std::string string_literal(std::string_view text) {
  const std::string literal = json(clipped(text, 60)).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe;  // JSON lets U+007F to U+009F stand as they are; a terminal obeys them
  for (std::size_t i = 0; i < literal.size(); ++i) {
    const auto c = static_cast<unsigned char>(literal[i]);
    const auto next = i + 1 < literal.size() ? static_cast<unsigned char>(literal[i + 1]) : 0U;
    if (c == 0x7F || (c == 0xC2 && next < 0xA0)) {
      safe += fmt::format("\\u{:04x}", c == 0x7F ? 0x7FU : next);
      i += c == 0x7F ? 0 : 1;
    } else {
      safe += literal[i];
    }
  }
  return safe;
}

void throw_invalid(std::string_view document, std::string_view path, std::string_view found, std::string_view expected,
                   std::string_view hint) {
  throw Error(ErrorCode::bundle_invalid, Stage::bundle,
              fmt::format("{}: {} is {}, expected {}", document, path, found, expected), std::string(hint));
}

}  // namespace mediscan::bundle
