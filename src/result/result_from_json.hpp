// A result out of the text that to_json made of it, for the cache. Not for JSON of other hands: nothing but that exact
// form is read. Internal to the library.
#pragma once

#include <mediscan/result.hpp>
#include <string_view>

namespace mediscan::result {

/// What to_json(result) was given. Throws INTERNAL, stage result, naming the field that is missing, unknown, or not
/// what to_json writes there.
Result result_from_json(std::string_view text);

}  // namespace mediscan::result
