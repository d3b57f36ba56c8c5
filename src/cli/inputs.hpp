// Which pictures a command line names: files, folders, globs and standard input, in the order given. Nothing is opened
// or read here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mediscan::cli {

/// One picture to be, or the error that stands in its place.
struct Input {
  std::string name;  ///< the path as it was reached; "stdin" for standard input
  std::filesystem::path path;
  bool standard_input = false;
  std::optional<Error> error;
};

struct Inputs {
  std::vector<Input> items;
  bool single = false;  ///< the command line named exactly one file or "-", no folder and no glob, whatever it holds
};

/// `-` is standard input. A folder stands for its *.jpg, *.jpeg and *.png (any case, sorted by name; hidden files left
/// out), with `recursive` also those of its subfolders; links to folders are not followed down. A name with *, ? or [
/// that does not exist as it is written is a glob. What cannot be found or opened is an Input with an error. Throws
/// INVALID_ARGUMENT when `-` stands twice.
Inputs expand_inputs(std::span<const std::string> arguments, bool recursive);

/// The error with the input's whole name at the beginning of its message, where the library knows only the last part of
/// a path.
Error about_input(const Error& error, const Input& input);

/// Decodes the picture. Throws the input's own error, or what Image::read throws, about_input.
Image read_picture(const Input& input, const DecodeOptions& options, int standard_input);

/// The picture's bytes, undecoded. Throws the input's own error, or what read_encoded throws, about_input.
std::vector<std::byte> read_bytes(const Input& input, const Limits& limits, int standard_input);

/// The picture's bytes from standard input, at most `max_bytes` + 1 of them, so that one beyond the limit is noticed by
/// whoever checks it. Throws IO_ERROR.
std::vector<std::byte> read_standard_input(int descriptor, std::uint64_t max_bytes);

}  // namespace mediscan::cli
