#include "bundle_folder.hpp"

#include <png.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.hpp"

namespace mediscan::test {

void write_png(const std::filesystem::path& path, unsigned width, unsigned height, unsigned seed) {
  std::vector<unsigned char> pixels(std::size_t{width} * height * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>((i * 37 + seed * 101) % 256);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error("cannot write " + path.string() + ": " + image.message);
  }
}

void write_bundle(const std::filesystem::path& folder, const BundleContent& content) {
  using nlohmann::ordered_json;
  std::filesystem::create_directories(folder);
  write_file(folder / "model.bin", content.weights);
  write_png(folder / "self_test.png", 8, 8, 1);
  ordered_json labels = ordered_json::array();
  for (const std::string& code : content.codes) {
    ordered_json label = {{"code", code}, {"label", "label of " + code}};
    const auto& missing = content.unavailable;
    label["available"] = std::find(missing.begin(), missing.end(), code) == missing.end();
    if (content.domain == "skin") label["malignant"] = code == "mel" || code == "bcc";
    if (content.operating_point > 0) {
      label["operating_points"] = {{{"name", "test"}, {"threshold", content.operating_point}}};
    }
    labels.push_back(label);
  }
  const std::string hash = content.stated_sha256.empty() ? base::sha256_hex(content.weights) : content.stated_sha256;
  ordered_json card = {
      {"intended_use", "tests"}, {"training_data", "none"}, {"limitations", "all"}, {"license", "Apache-2.0"}};
  if (!content.card_warning.empty()) card["warning"] = content.card_warning;
  ordered_json manifest = {
      {"mediscan_bundle", 1},
      {"name", content.name},
      {"version", "1.2.3"},
      {"domain", content.domain},
      {"task", content.task},
      {"architecture", {{"name", content.architecture}, {"in_channels", 3}, {"outputs", content.codes.size()}}},
      {"weights", {{{"file", "model.bin"}, {"format", "safetensors"}, {"sha256", hash}}}},
      {"input",
       {{"color", "rgb"},
        {"resize", {{"mode", "exact"}, {"size", {4, 4}}, {"filter", "bilinear"}}},
        {"scale", "unit"}}},
      {"labels", labels},
      {"output", {{"activation", content.activation}}},
      {"self_test",
       {{"input", "self_test.png"}, {"logits", content.self_test_logits}, {"tolerance", content.self_test_tolerance}}},
      {"card", card}};
  if (!content.allowed_precisions.empty()) {
    manifest["precision"] = {{"allowed", content.allowed_precisions},
                             {"probability_tolerance", content.probability_tolerance}};
  }
  write_file(folder / "mediscan.json", manifest.dump(2));
}

}  // namespace mediscan::test
