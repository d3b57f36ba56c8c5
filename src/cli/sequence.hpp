// The frame around the items of an output: a JSON array, JSON lines or one lone object. Items are written as they come,
// none is kept.
#pragma once

#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace mediscan::cli {

enum class Frame {
  none,   ///< one item, as it is
  array,  ///< [ items with commas between ]
  lines,  ///< one item a line
};

class JsonSequence {
 public:
  JsonSequence(Output& out, Frame frame) : out_(out), frame_(frame) {}

  /// Spaces to indent an item's JSON by; negative for one line.
  [[nodiscard]] int indent() const noexcept { return frame_ == Frame::lines ? -1 : 2; }

  void begin();
  void item(const std::string& json);
  void end();

 private:
  Output& out_;
  Frame frame_;
  bool first_ = true;
};

}  // namespace mediscan::cli
