#include "bundle/safetensors_writer.hpp"

#include <fmt/format.h>
#include <mediscan/error.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace mediscan::bundle {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

template <class T>
StoredTensor stored(std::string name, Dtype dtype, std::vector<std::int64_t> shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {std::move(name), dtype, std::move(shape), {bytes.begin(), bytes.end()}};
}

void check(const StoredTensor& tensor) {
  std::size_t size = size_of(tensor.dtype);
  for (const std::int64_t side : tensor.shape) size *= static_cast<std::size_t>(side);
  if (size != tensor.bytes.size()) {
    throw Error(ErrorCode::invalid_argument, Stage::bundle,
                fmt::format("tensor {}: {} bytes, its shape has {}", tensor.name, tensor.bytes.size(), size));
  }
}

}  // namespace

StoredTensor StoredTensor::of(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  return stored(std::move(name), Dtype::f32, std::move(shape), values);
}

StoredTensor StoredTensor::of(std::string name, std::vector<std::int64_t> shape, std::span<const std::int8_t> values) {
  return stored(std::move(name), Dtype::i8, std::move(shape), values);
}

StoredTensor StoredTensor::of(std::string name, std::vector<std::int64_t> shape, std::span<const std::uint8_t> values) {
  return stored(std::move(name), Dtype::u8, std::move(shape), values);
}

std::vector<std::byte> write_safetensors(std::vector<StoredTensor> tensors,
                                         const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(tensors, [](const StoredTensor& a, const StoredTensor& b) {
    const std::size_t size_a = size_of(a.dtype);
    const std::size_t size_b = size_of(b.dtype);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t end = 0;
  for (const StoredTensor& tensor : tensors) {
    check(tensor);
    if (header.contains(tensor.name)) {
      throw Error(ErrorCode::invalid_argument, Stage::bundle, fmt::format("tensor {} stands twice", tensor.name));
    }
    const std::size_t begin = std::exchange(end, end + tensor.bytes.size());
    nlohmann::ordered_json& entry = header[tensor.name];
    entry["dtype"] = name_of(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {begin, end};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that data begins aligned
  const std::uint64_t length = text.size();
  std::vector<std::byte> file(sizeof length + text.size() + end);
  std::memcpy(file.data(), &length, sizeof length);
  std::memcpy(file.data() + sizeof length, text.data(), text.size());
  std::size_t at = sizeof length + text.size();
  for (const StoredTensor& tensor : tensors) {
    std::ranges::copy(tensor.bytes, file.begin() + static_cast<std::ptrdiff_t>(at));
    at += tensor.bytes.size();
  }
  return file;
}

}  // namespace mediscan::bundle
