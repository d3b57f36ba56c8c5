// What numbers a network computes with.
#pragma once

#include <string_view>

namespace mediscan::backend {

enum class Precision { fp32, fp16, bf16, int8 };
std::string_view name_of(Precision precision) noexcept;

}  // namespace mediscan::backend
