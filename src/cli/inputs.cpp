#include "cli/inputs.hpp"

#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>

namespace mediscan::cli {
namespace {

namespace fs = std::filesystem;

Error io_error(const fs::path& path, const std::error_code& system, std::string hint) {
  return {ErrorCode::io_error, Stage::argument, fmt::format("{}: {}", path.string(), system.message()),
          std::move(hint)};
}

Input failed(const fs::path& path, Error error) {
  Input input;
  input.name = path.string();
  input.path = path;
  input.error = std::move(error);
  return input;
}

Input picture(const fs::path& path) {
  Input input;
  input.name = path.string();
  input.path = path;
  return input;
}

bool is_picture_name(const fs::path& path) {
  if (path.filename().string().starts_with('.')) return false;
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

/// A real subfolder, not a link to one: links could lead in circles.
bool is_subfolder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return !entry.is_symlink(ignored) && entry.is_directory(ignored) &&
         !entry.path().filename().string().starts_with('.');
}

void add_folder(const fs::path& folder, bool recursive, std::vector<Input>& items) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) entries.push_back(*at);
  if (error) {
    items.push_back(failed(folder, io_error(folder, error, "give this user read permission on the folder")));
    return;
  }
  std::sort(entries.begin(), entries.end());
  for (const auto& entry : entries) {
    std::error_code ignored;
    if (is_subfolder(entry)) {
      if (recursive) add_folder(entry.path(), recursive, items);
    } else if (is_picture_name(entry.path()) && !entry.is_directory(ignored)) {
      items.push_back(picture(entry.path()));
    }
  }
}

void add_path(const fs::path& path, bool recursive, std::vector<Input>& items) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    items.push_back(picture(path));  // whether it can be read is known when it is read
    return;
  }
  const std::size_t before = items.size();
  add_folder(path, recursive, items);
  if (items.size() > before) return;
  items.push_back(
      failed(path, {ErrorCode::not_found, Stage::argument,
                    fmt::format("{}: no *.jpg, *.jpeg or *.png in this folder", path.string()),
                    recursive ? "name files of another extension one by one" : "-r also looks in its subfolders"}));
}

bool exists_as_written(const std::string& argument) {
  std::error_code ignored;
  return fs::symlink_status(argument, ignored).type() != fs::file_type::not_found;
}

bool looks_like_glob(const std::string& argument) { return argument.find_first_of("*?[") != std::string::npos; }

void add_glob(const std::string& pattern, bool recursive, std::vector<Input>& items) {
  ::glob_t found{};
  const int outcome = ::glob(pattern.c_str(), 0, nullptr, &found);
  const std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + (outcome == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (outcome == GLOB_NOSPACE) throw std::bad_alloc();
  if (paths.empty()) {
    items.push_back(failed(pattern, {ErrorCode::not_found, Stage::argument, fmt::format("{}: nothing matches", pattern),
                                     "check the pattern; * and ? do not cross folders, -r with a folder does"}));
  }
  for (const auto& path : paths) add_path(path, recursive, items);
}

Input from_standard_input() {
  Input input;
  input.name = "stdin";
  input.standard_input = true;
  return input;
}

}  // namespace

Inputs expand_inputs(std::span<const std::string> arguments, bool recursive) {
  if (std::count(arguments.begin(), arguments.end(), "-") > 1) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "\"-\" (standard input) stands more than once",
                "standard input holds one picture; name files for more");
  }
  Inputs inputs;
  for (const auto& argument : arguments) {
    std::error_code ignored;
    const bool exists = exists_as_written(argument);
    const bool glob = !exists && looks_like_glob(argument);
    inputs.single = arguments.size() == 1 && !glob && !fs::is_directory(argument, ignored);
    if (argument == "-") {
      inputs.items.push_back(from_standard_input());
    } else if (glob) {
      add_glob(argument, recursive, inputs.items);
    } else {
      add_path(argument, recursive, inputs.items);
    }
  }
  return inputs;
}

Error about_input(const Error& error, const Input& input) {
  std::string_view message = error.message();
  if (message.starts_with(input.name + ": ")) return error;
  const std::string last = input.path.filename().string() + ": ";
  if (message.starts_with(last)) message.remove_prefix(last.size());
  return Error(error.code(), error.stage(), std::string(message), error.hint()).about(input.name);
}

Image read_picture(const Input& input, const DecodeOptions& options, int standard_input) {
  if (input.error) throw *input.error;
  try {
    if (!input.standard_input) return Image::read(input.path, options);
    const auto bytes = read_standard_input(standard_input, options.limits.max_file_bytes);
    return Image::decode(bytes, options, input.name);
  } catch (const Error& error) {
    throw about_input(error, input);
  }
}

std::vector<std::byte> read_bytes(const Input& input, const Limits& limits, int standard_input) {
  if (input.error) throw *input.error;
  try {
    return input.standard_input ? read_standard_input(standard_input, limits.max_file_bytes)
                                : read_encoded(input.path, limits);
  } catch (const Error& error) {
    throw about_input(error, input);
  }
}

std::vector<std::byte> read_standard_input(int descriptor, std::uint64_t max_bytes) {
  std::vector<std::byte> bytes;
  const std::uint64_t wanted = max_bytes + 1;
  while (bytes.size() < wanted) {
    const std::size_t filled = bytes.size();
    const std::size_t room = std::min<std::uint64_t>(std::max<std::size_t>(filled, 65536), wanted - filled);
    bytes.resize(filled + room);
    const ::ssize_t got = ::read(descriptor, bytes.data() + filled, room);
    const int error = errno;
    bytes.resize(filled + static_cast<std::size_t>(std::max<::ssize_t>(got, 0)));
    if (got == 0) break;
    if (got < 0 && error != EINTR) {
      throw Error(ErrorCode::io_error, Stage::argument,
                  fmt::format("stdin: {}", std::generic_category().message(error)),
                  "pipe a picture into standard input, or name its file");
    }
  }
  return bytes;
}

}  // namespace mediscan::cli
