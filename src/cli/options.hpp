// Command-line options that several subcommands share, and how all of them are parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <mediscan/options.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/commands.hpp"

namespace mediscan::cli {

/// A command line that makes no sense: exit code 2.
class UsageError : public std::exception {
 public:
  UsageError(std::string message, std::string hint) : message_(std::move(message)), hint_(std::move(hint)) {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  std::string message_;
  std::string hint_;
};

std::string render_usage_error(const UsageError& error, const Style& style);

/// A whole number with an optional unit. With `binary`, of bytes: K, M, G and KiB, MiB, GiB are powers of 1024, KB, MB,
/// GB of 1000. Without, of pixels: K, M, G are powers of 1000. nullopt for anything else, and beyond 2^63 - 1.
std::optional<std::uint64_t> parse_quantity(std::string_view text, bool binary);

/// An empty parser for `mediscan NAME` in our layout.
void set_up(CLI::App& app, std::string_view name, std::string_view purpose, std::string examples);

/// --backend, --device, --precision, --lanes, --profile, --fallback, --libtorch, --threads.
void add_run_options(CLI::App& app, LoadOptions& load, ManagerOptions& manager);
void add_manager_options(CLI::App& app, ManagerOptions& manager);

/// --decoder, --apply-orientation, --max-pixels, --max-side, --max-decoded-bytes, --max-file-bytes.
void add_decode_options(CLI::App& app, DecodeOptions& decode);

/// False when --help was asked for and has been written. Throws UsageError.
bool parse(CLI::App& app, const Arguments& arguments, Output& out);

/// `model` may be a bundle's folder or the mediscan.json in it; the folder is what comes out.
std::filesystem::path bundle_folder(const std::filesystem::path& model);

}  // namespace mediscan::cli
