// Reader of the safetensors format over bytes in memory. Every rule of the format is checked; nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::bundle {

enum class Dtype { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f8_e4m3, f8_e5m2, f16, bf16, f32, f64 };
std::string_view name_of(Dtype dtype) noexcept;  ///< "F32", as the format writes it
std::size_t size_of(Dtype dtype) noexcept;

struct TensorEntry {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  ///< into the file; little-endian, row-major; aligned to nothing in particular
};

/// The tensors of one file, in the order of their bytes.
class Safetensors {
 public:
  /// Throws BUNDLE_INVALID beginning with `name`. `file` must outlive the object.
  static Safetensors parse(std::span<const std::byte> file, std::string_view name);

  [[nodiscard]] const std::vector<TensorEntry>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept;
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

 private:
  std::vector<TensorEntry> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace mediscan::bundle
