#include "backend/network/weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "backend/network/kernels.hpp"

namespace mediscan::backend {
namespace {

using bundle::Dtype;

constexpr std::size_t most_faults_named = 20;

template <class Bits, class ToFloat>
std::vector<float> convert(std::span<const std::byte> bytes, ToFloat to_float) {
  std::vector<float> values(bytes.size() / sizeof(Bits));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));  // the file aligns nothing
    values[i] = to_float(bits);
  }
  return values;
}

std::vector<float> to_float32(const bundle::TensorEntry& tensor) {
  static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");
  switch (tensor.dtype) {
    case Dtype::f16:
      return convert<std::uint16_t>(tensor.bytes, float_from_half);
    case Dtype::bf16:
      return convert<std::uint16_t>(tensor.bytes,
                                    [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); });
    default: {
      std::vector<float> values(tensor.bytes.size() / sizeof(float));
      if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
      return values;
    }
  }
}

bool is_float(Dtype dtype) { return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16; }

}  // namespace

float float_from_half(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero and subnormals: fraction x 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

Weights::Weights(std::span<const WeightsView> files) {
  for (const WeightsView& file : files) {
    if (file.format != "safetensors") {
      throw Error(ErrorCode::unsupported, Stage::backend,
                  fmt::format("{}: weights are read from safetensors, not from format \"{}\"", file.file, file.format),
                  "convert them with safetensors.torch.save_file(model.state_dict(), ...)");
    }
    files_ += (files_.empty() ? "" : ", ") + file.file;
    const auto parsed = bundle::Safetensors::parse(file.bytes, file.file);
    for (const bundle::TensorEntry& tensor : parsed.tensors()) {
      const auto [entry, fresh] = entries_.try_emplace(tensor.name, Entry{tensor, file.file});
      if (!fresh)
        faults_.push_back(fmt::format("{}: in {} and again in {}", tensor.name, entry->second.file, file.file));
    }
  }
}

const bundle::TensorEntry* Weights::find(const std::string& name, std::initializer_list<std::int64_t> shape) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    faults_.push_back(fmt::format("{}: missing, expected [{}]", name, fmt::join(shape, ", ")));
    return nullptr;
  }
  found->second.taken = true;
  const bundle::TensorEntry& tensor = found->second.tensor;
  if (std::ranges::equal(tensor.shape, shape)) return &tensor;
  faults_.push_back(
      fmt::format("{}: found shape [{}], expected [{}]", name, fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
  return nullptr;
}

std::vector<float> Weights::take(const std::string& name, std::initializer_list<std::int64_t> shape) {
  const bundle::TensorEntry* found = find(name, shape);
  if (found == nullptr) return {};
  const bundle::TensorEntry& tensor = *found;
  if (!is_float(tensor.dtype)) {
    faults_.push_back(fmt::format("{}: found type {}, expected F32, F16 or BF16", name, bundle::name_of(tensor.dtype)));
    return {};
  }
  auto values = to_float32(tensor);
  if (!all_finite(values)) {
    faults_.push_back(fmt::format("{}: holds infinite or NaN values", name));
    return {};
  }
  return values;
}

std::vector<std::int8_t> Weights::take_int8(const std::string& name, std::initializer_list<std::int64_t> shape) {
  const bundle::TensorEntry* tensor = find(name, shape);
  if (tensor == nullptr) return {};
  if (tensor->dtype != Dtype::i8) {
    faults_.push_back(fmt::format("{}: found type {}, expected I8", name, bundle::name_of(tensor->dtype)));
    return {};
  }
  std::vector<std::int8_t> values(tensor->bytes.size());
  if (!values.empty()) std::memcpy(values.data(), tensor->bytes.data(), values.size());
  if (std::ranges::find(values, std::int8_t{-128}) != values.end()) {
    faults_.push_back(fmt::format("{}: holds -128, expected -127 to 127", name));
    return {};
  }
  return values;
}

Quantization Weights::take_quantization(const std::string& layer) {
  Quantization quantization;
  if (const auto scale = take(layer + ".output_scale", {1}); !scale.empty()) {
    quantization.scale = scale.front();
    if (!(scale.front() > 0)) faults_.push_back(fmt::format("{}.output_scale: {} is not over 0", layer, scale.front()));
  }
  const std::string name = layer + ".output_zero_point";
  if (const bundle::TensorEntry* tensor = find(name, {1}); tensor != nullptr) {
    if (tensor->dtype == Dtype::u8) {
      quantization.zero_point = std::to_integer<std::int32_t>(tensor->bytes.front());
    } else {
      faults_.push_back(fmt::format("{}: found type {}, expected U8", name, bundle::name_of(tensor->dtype)));
    }
  }
  return quantization;
}

bool Weights::is_int8(const std::string& name) const noexcept {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.tensor.dtype == Dtype::i8;
}

bool Weights::quantized() const noexcept {
  return std::ranges::any_of(entries_, [](const auto& entry) { return entry.second.tensor.dtype == Dtype::i8; });
}

void Weights::check() const {
  std::vector<std::string> faults = faults_;
  for (const auto& [name, entry] : entries_) {
    if (entry.taken || name.ends_with("num_batches_tracked")) continue;
    faults.push_back(
        fmt::format("{}: found [{}], not part of this architecture", name, fmt::join(entry.tensor.shape, ", ")));
  }
  if (faults.empty()) return;
  const std::size_t named = std::min(faults.size(), most_faults_named);
  const std::string rest = faults.size() > named ? fmt::format("; and {} more", faults.size() - named) : std::string{};
  throw Error(ErrorCode::bundle_invalid, Stage::backend,
              fmt::format("{}: the tensors do not fit the architecture: {}{}", files_.empty() ? "no weights" : files_,
                          fmt::join(faults.begin(), faults.begin() + static_cast<std::ptrdiff_t>(named), "; "), rest),
              "name the architecture, outputs and in_channels that these weights were saved from, with keys as "
              "torchvision names them");
}

}  // namespace mediscan::backend
