#include "cli/sequence.hpp"

namespace mediscan::cli {
namespace {

/// JSON with two more spaces before each line; strings in JSON hold no line breaks.
std::string indented(std::string_view json) {
  std::string text = "  ";
  for (const char character : json) {
    text += character;
    if (character == '\n') text += "  ";
  }
  return text;
}

}  // namespace

void JsonSequence::begin() {
  if (frame_ == Frame::array) out_.write("[");
}

void JsonSequence::item(const std::string& json) {
  if (frame_ == Frame::array) {
    out_.write((first_ ? "\n" : ",\n") + indented(json));
  } else {
    out_.write(json + '\n');
  }
  first_ = false;
}

void JsonSequence::end() {
  if (frame_ == Frame::array) out_.write(first_ ? "]\n" : "\n]\n");
}

}  // namespace mediscan::cli
