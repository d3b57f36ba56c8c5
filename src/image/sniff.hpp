// What bytes look like from their beginning: a JPEG, a PNG, or something else that a person would like named.
#pragma once

#include "image/integers.hpp"

#include <string_view>

namespace mediscan::image {

enum class Kind { jpeg, png, other };

struct Sniffed {
  Kind kind = Kind::other;
  /// With its article, to follow "this is": "a PDF document". Empty when nothing is recognised.
  std::string_view what;
};

/// Looks at no more than the first 4 KiB. A PNG whose signature is cut or damaged behind its name still counts as PNG:
/// the pre-check then says what is wrong with it.
Sniffed sniff(Bytes bytes);

}  // namespace mediscan::image
