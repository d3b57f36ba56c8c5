// The names that mediscan.json gives to what a bundle is. The recipe's names are in spec_json.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <mediscan/bundle.hpp>
#include <span>
#include <string_view>

#include "bundle/json_reader.hpp"

namespace mediscan::bundle {

inline constexpr std::array domain_names{Named<Domain>{Domain::skin, "skin"},
                                         Named<Domain>{Domain::radiology, "radiology"},
                                         Named<Domain>{Domain::other, "other"}};
inline constexpr std::array task_names{Named<Task>{Task::multiclass, "multiclass"},
                                       Named<Task>{Task::multilabel, "multilabel"}};
inline constexpr std::array activation_names{
    Named<Activation>{Activation::softmax, "softmax"}, Named<Activation>{Activation::sigmoid, "sigmoid"},
    Named<Activation>{Activation::sigmoid_operating_point, "sigmoid_operating_point"}};

/// "unknown" for a value that is none of the enumeration's.
template <class E, std::size_t N>
std::string_view name_in(const std::array<Named<E>, N>& names, E value) noexcept {
  for (const auto& named : names) {
    if (named.value == value) return named.name;
  }
  return "unknown";
}

/// Reads one of the named values.
template <class E, std::size_t N>
E choice_of(const JsonReader& reader, const std::array<Named<E>, N>& names) {
  return reader.choice(std::span<const Named<E>>(names));
}

}  // namespace mediscan::bundle
