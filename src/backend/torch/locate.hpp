// Where a LibTorch may be on this machine, and what a libtorch_cpu.so is before it is loaded. Loads nothing;
// libtorch.hpp does.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backend/library_search.hpp"

namespace mediscan::backend::torch {

/// The places, in order. One that is named ends the search: it is what the user wants, and another LibTorch would be a
/// fallback that nobody asked for. Else the virtual environment, next to this library, and the usual system places.
/// Never the working directory: a relative `named` is the caller's own and is taken against it, a relative path in the
/// environment is refused by `inspect_place`.
std::vector<Place> search_places(const std::filesystem::path& named);

/// The libtorch_cpu.so that this process has mapped already, by whomever.
std::optional<std::filesystem::path> mapped_library();

/// What lies at a place: libtorch_cpu.so itself, or a folder that holds it, lib/ or torch/lib/ with it.
Inspection inspect_place(const Place& place);

/// Why this file cannot be a LibTorch that we can use, or nothing. Reads a few pages of it.
std::optional<std::string> unusable_library(const std::filesystem::path& library);

}  // namespace mediscan::backend::torch
