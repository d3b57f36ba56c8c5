// Looks into a shared library's file without loading it: is it whole, for this machine, and does it export a function.
// Loading a wrong LibTorch to find out would leave it in the process for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace mediscan::backend {

/// A 64-bit ELF shared library of this machine's architecture. `file` must outlive the object.
class ElfLibrary {
 public:
  /// The library, or in one phrase why these bytes are none ("is not an ELF file", "is truncated: ...", "is for
  /// aarch64, ...").
  static std::variant<ElfLibrary, std::string> open(std::span<const std::byte> file);

  [[nodiscard]] bool exports(std::string_view function) const;
  [[nodiscard]] std::string_view soname() const;

 private:
  explicit ElfLibrary(std::span<const std::byte> file) : file_(file) {}

  template <class T>
  [[nodiscard]] std::optional<T> read(std::uint64_t offset) const;
  [[nodiscard]] std::string_view text_at(std::uint64_t offset) const;
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address) const;
  bool read_dynamic_section();

  std::span<const std::byte> file_;
  std::uint64_t symbols_ = 0;  // file offsets
  std::uint64_t strings_ = 0;
  std::uint64_t gnu_hash_ = 0;  // 0: none
  std::uint64_t soname_ = 0;    // offset within strings_, 0: none
};

}  // namespace mediscan::backend
