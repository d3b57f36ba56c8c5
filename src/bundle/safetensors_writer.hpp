// Writer of the safetensors format. The reader is safetensors.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "bundle/safetensors.hpp"

namespace mediscan::bundle {

struct StoredTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  ///< little-endian, row-major

  static StoredTensor of(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);
  static StoredTensor of(std::string name, std::vector<std::int64_t> shape, std::span<const std::int8_t> values);
  static StoredTensor of(std::string name, std::vector<std::int64_t> shape, std::span<const std::uint8_t> values);
};

/// The bytes of a file. Data stands by falling size of its type and then by name, as the reference implementation
/// orders it, so that every tensor is aligned to its type. Throws INVALID_ARGUMENT for a name that stands twice, and
/// for bytes that do not fill the shape.
std::vector<std::byte> write_safetensors(std::vector<StoredTensor> tensors,
                                         const std::map<std::string, std::string>& metadata = {});

}  // namespace mediscan::bundle
