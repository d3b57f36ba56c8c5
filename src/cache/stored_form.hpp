// The version of what is stored, in one place: it is part of every key and of every value.
#pragma once

#include <string_view>

namespace mediscan::cache {

/// Raise it when to_json(Result) or the frame around it changes: values of another form are then neither found nor
/// read. Four bytes.
inline constexpr std::string_view stored_form = "MSR3";

}  // namespace mediscan::cache
