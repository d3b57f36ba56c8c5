// A small valid bundle on disk, and knobs for the ways in which a test wants it wrong.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace mediscan::test {

struct BundleContent {
  std::string name = "tiny";
  std::string domain = "skin";
  std::string task = "multiclass";
  std::string activation = "softmax";
  std::string architecture = "scripted";  ///< what the scripted backend opens
  std::vector<std::string> codes = {"mel", "nv", "bcc"};
  std::vector<std::string> unavailable;
  std::vector<float> self_test_logits = {0.5F, 1.5F, -1.0F};
  double self_test_tolerance = 1e-3;
  std::string weights = "weights of no network";
  std::string stated_sha256;  ///< empty: the true one
  std::string card_warning;
  double operating_point = 0;                   ///< of every label; 0: none
  std::vector<std::string> allowed_precisions;  ///< below fp32; empty: the manifest has no "precision"
  double probability_tolerance = 0.02;
};

/// Writes mediscan.json, model.bin and self_test.png (8x8 RGB, recipe: exact 4x4) into `folder`.
void write_bundle(const std::filesystem::path& folder, const BundleContent& content = {});

/// A temporary folder with such a bundle in it from the start.
class TemporaryBundle : public TemporaryFolder {
 public:
  explicit TemporaryBundle(const BundleContent& content = {}) { write_bundle(path(), content); }
};

/// An 8-bit PNG whose pixel values follow from its size and `seed`.
void write_png(const std::filesystem::path& path, unsigned width, unsigned height, unsigned seed);

}  // namespace mediscan::test
