// A bundle described for people: what the model is, what it does to a picture, what its labels and weights are.
#pragma once

#include <cstdint>
#include <mediscan/bundle.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// What was found when a weights file was read.
struct WeightsCheck {
  std::string file;
  std::optional<std::uint64_t> bytes;  ///< absent when the file is not there
  std::optional<std::string> problem;  ///< absent when the hash is the one the manifest states
};

/// The recipe as numbered steps, each one sentence.
std::vector<std::string> recipe_steps(const PreprocessSpec& spec);

std::string render_bundle(const Bundle& bundle, const std::vector<WeightsCheck>& weights, const Style& style);

}  // namespace mediscan::cli
