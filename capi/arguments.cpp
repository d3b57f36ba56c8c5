#include "capi/arguments.hpp"

#include <mediscan/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace mediscan::capi {
namespace {

/// Beyond it a struct_size is not a size but memory that nobody wrote.
constexpr std::uint32_t largest_struct = 4096;

}  // namespace

void invalid(std::string_view name, std::string_view what, std::string_view hint) {
  throw Error(ErrorCode::invalid_argument, Stage::argument, std::string(name).append(" ").append(what),
              std::string(hint));
}

void require(const void* pointer, std::string_view name) {
  if (pointer == nullptr) invalid(name, "is NULL");
}

std::string text_of(const char* data, std::size_t length, std::string_view name) {
  require(data, name);
  std::string text = length == MEDISCAN_NUL ? std::string(data) : std::string(data, length);
  if (text.find('\0') != std::string::npos) {
    invalid(name, "has a NUL byte inside", "give the length without the terminator, or MEDISCAN_NUL");
  }
  return text;
}

namespace detail {

void check_size(std::uint32_t given, std::size_t first_size, std::string_view name) {
  if (given >= first_size && given <= largest_struct) return;
  invalid(name, "has struct_size " + std::to_string(given) + ", expected " + std::to_string(first_size) + " or more",
          "set struct_size to sizeof the struct, or call its _init function");
}

void copy_in(void* to, std::size_t known_size, const void* from, std::uint32_t given, std::string_view name) {
  std::memcpy(to, from, std::min<std::size_t>(known_size, given));
  const auto* bytes = static_cast<const unsigned char*>(from);
  if (given <= known_size ||
      std::all_of(bytes + known_size, bytes + given, [](unsigned char byte) { return byte == 0; }))
    return;
  throw Error(ErrorCode::unsupported, Stage::argument,
              std::string(name) + " sets a field that this library does not know yet",
              "update libmediscan, or leave fields newer than it at 0");
}

void copy_out(void* to, std::uint32_t given, const void* from, std::size_t known_size) {
  constexpr std::size_t after_size = sizeof(std::uint32_t);
  auto* bytes = static_cast<unsigned char*>(to);
  const std::size_t shared = std::min<std::size_t>(known_size, given);
  std::memcpy(bytes + after_size, static_cast<const unsigned char*>(from) + after_size, shared - after_size);
  std::memset(bytes + shared, 0, given - shared);
}

}  // namespace detail

std::chrono::nanoseconds timeout_of(std::uint64_t nanoseconds) noexcept {
  constexpr std::chrono::nanoseconds century = std::chrono::hours(24 * 36'525);  // clocks can add it without overflow
  return std::chrono::nanoseconds(std::min<std::uint64_t>(nanoseconds, century.count()));
}

char* owned_text(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));  // NOLINT(*-no-malloc): goes to C
  if (copy == nullptr) throw std::bad_alloc();
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace mediscan::capi
