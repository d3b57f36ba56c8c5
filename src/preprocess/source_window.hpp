// Which pixels of a picture a recipe reads, so that a decoder need not make the others.
#pragma once

#include <mediscan/preprocess.hpp>
#include <optional>

#include "image/excerpt.hpp"
#include "preprocess/geometry.hpp"

namespace mediscan::recipe {

/// The pixels that the resize reads for the crop. Nothing when that is all of them, or for a recipe with a thumbnail
/// step or without a resize of both axes.
std::optional<image::Window> source_window(const Geometry& geometry, const PreprocessSpec& spec);

/// The same for a picture of this size; nothing, too, where the recipe cannot be run on it, which is for
/// preprocess_into to say. As image::WindowOf wants it, it does not throw.
std::optional<image::Window> source_window(Size picture, const PreprocessSpec& spec) noexcept;

}  // namespace mediscan::recipe
