// The pieces that more than one record is made of, and how a tree becomes text. Internal to the result room.
#pragma once

#include <mediscan/image.hpp>
#include <mediscan/result.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::result {

/// Fields keep the order in which they are written.
using Json = nlohmann::ordered_json;

Json model_json(const ModelRecord& model);
Json execution_json(const ExecutionRecord& execution);
Json warnings_json(const std::vector<Warning>& warnings);

/// The value, or null.
template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// JSON has no NaN and no infinity: one in a result is a fault of ours, INTERNAL and naming `field`.
Json finite(double value, std::string_view field);

/// For reports on things that may have failed: null stands for a number that is not finite.
Json finite_or_null(double value);

/// One line when `indent` is negative. Bytes that are no UTF-8 (file names may hold any) become U+FFFD.
std::string text_of(const Json& json, int indent);

}  // namespace mediscan::result
