// How arguments are read and outputs written: texts, structs that know their size, words for choices. Not for handles.
#pragma once

#include <mediscan/mediscan.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mediscan::capi {

/// Throws INVALID_ARGUMENT: "`name` `what`".
[[noreturn]] void invalid(std::string_view name, std::string_view what, std::string_view hint = {});

/// Throws INVALID_ARGUMENT when an output or input pointer is NULL.
void require(const void* pointer, std::string_view name);

/// A text that must be there. Throws INVALID_ARGUMENT for NULL and for a NUL inside.
std::string text_of(const char* data, std::size_t length, std::string_view name);

/// A choice of an option struct; NULL takes the first. Throws INVALID_ARGUMENT that lists the words.
template <class Choice>
Choice choice_of(const char* word, std::string_view name,
                 std::initializer_list<std::pair<std::string_view, Choice>> choices) {
  if (word == nullptr) return choices.begin()->second;
  std::string known;
  for (const auto& [text, choice] : choices) {
    if (text == word) return choice;
    known.append(known.empty() ? "" : ", ").append(text);
  }
  invalid(name, std::string("is \"").append(word).append("\""), "choose one of: " + known);
}

/// The size of a struct in the version that brought it; later ones only append. A struct that grew has its line here.
template <class Struct>
inline constexpr std::size_t first_size = sizeof(Struct);
template <>
inline constexpr std::size_t first_size<mediscan_manager_options> = offsetof(mediscan_manager_options, max_job_bytes);
template <>
inline constexpr std::size_t first_size<mediscan_load_options> = offsetof(mediscan_load_options, batch_invariant);
template <>
inline constexpr std::size_t first_size<mediscan_decode_options> = offsetof(mediscan_decode_options, fast_decode);
template <>
inline constexpr std::size_t first_size<mediscan_request> = offsetof(mediscan_request, timeout_ns);
template <>
inline constexpr std::size_t first_size<mediscan_execution> = offsetof(mediscan_execution, cached);

namespace detail {
/// Checks the size of a struct whose first version had `first_size` bytes and of which we know `known_size`.
void check_size(std::uint32_t given, std::size_t first_size, std::string_view name);
/// Copies the part that both know; throws UNSUPPORTED when the rest of a larger struct is not zero.
void copy_in(void* to, std::size_t known_size, const void* from, std::uint32_t given, std::string_view name);
/// Copies the part that both know and zeroes the rest of a larger struct; struct_size stays the caller's.
void copy_out(void* to, std::uint32_t given, const void* from, std::size_t known_size);
}  // namespace detail

/// The options a caller gave, or the defaults for NULL.
template <class Struct>
Struct options_of(const Struct* given, std::string_view name) {
  Struct options{};
  options.struct_size = sizeof(Struct);
  if (given == nullptr) return options;
  detail::check_size(given->struct_size, first_size<Struct>, name);
  detail::copy_in(&options, sizeof(Struct), given, given->struct_size, name);
  return options;
}

/// Writes as much of `value` as the caller's struct has room for.
template <class Struct>
void write_struct(const Struct& value, Struct* out, std::string_view name) {
  require(out, name);
  detail::check_size(out->struct_size, first_size<Struct>, name);
  detail::copy_out(out, out->struct_size, &value, sizeof(Struct));
}

/// What the _init functions do: zeroes, which mean the defaults, and the size.
template <class Struct>
void init_struct(Struct* options, std::size_t size) noexcept {
  if (options == nullptr || size < sizeof(std::uint32_t)) return;
  std::memset(static_cast<void*>(options), 0, size);
  options->struct_size = static_cast<std::uint32_t>(size);
}

/// A time-out that is not MEDISCAN_FOREVER; what is longer than a hundred years is a hundred years.
std::chrono::nanoseconds timeout_of(std::uint64_t nanoseconds) noexcept;

/// Writes an answer that the caller may not want.
inline void answer(bool yes, std::int32_t* out) noexcept {
  if (out != nullptr) *out = yes ? 1 : 0;
}

/// A copy for the caller to free with mediscan_string_free. Throws std::bad_alloc.
char* owned_text(std::string_view text);

}  // namespace mediscan::capi
