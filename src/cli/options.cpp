#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>

#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 11> byte_units = {{{"", 1},
                                              {"B", 1},
                                              {"K", 1ULL << 10},
                                              {"M", 1ULL << 20},
                                              {"G", 1ULL << 30},
                                              {"KiB", 1ULL << 10},
                                              {"MiB", 1ULL << 20},
                                              {"GiB", 1ULL << 30},
                                              {"KB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000}}};
constexpr std::array<Unit, 5> pixel_units = {
    {{"", 1}, {"K", 1'000}, {"M", 1'000'000}, {"MP", 1'000'000}, {"G", 1'000'000'000}}};

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) {
    return std::equal(unit.name.begin(), unit.name.end(), name.begin(), name.end(),
                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });  // ASCII letters, any case
  });
  return found == units.end() ? nullptr : &*found;
}

/// Adds an option that takes one of a few words. The word itself is checked: CLI11 runs checks after transformations,
/// on their result.
template <class T>
void add_choice(CLI::App& app, const std::string& name, T& target, const std::map<std::string, T>& choices,
                const std::string& description, const std::string& value_name) {
  const auto take = [&target, choices](const std::string& word) { target = choices.at(word); };
  app.add_option_function<std::string>(name, take, description)
      ->check(CLI::IsMember(choices).description(""))
      ->option_text(value_name);
}

/// Adds an option that takes a quantity, at most the largest value of T.
template <class T>
void add_quantity(CLI::App& app, const std::string& name, T& target, bool binary, const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [&target, name, binary](const std::string& text) {
           const auto value = parse_quantity(text, binary);
           if (value && *value > 0 && *value <= std::numeric_limits<T>::max()) {
             target = static_cast<T>(*value);
             return;
           }
           throw UsageError(fmt::format("{} is \"{}\"", name, text),
                            binary ? "give a number of bytes, e.g. 268435456, 256MiB or 64M"
                                   : fmt::format("give a number of pixels, e.g. 16384 or 64M{}",
                                                 sizeof(T) < sizeof(std::uint64_t) ? ", at most 4294967295" : ""));
         },
         description)
      ->option_text("N")
      ->group("Limits on untrusted pictures");
}

}  // namespace

std::string render_usage_error(const UsageError& error, const Style& style) {
  return fmt::format("{} {}\n  hint: {}\n", paint(style, Ink::red, "mediscan:"), escaped(error.what()),
                     escaped(error.hint()));
}

std::optional<std::uint64_t> parse_quantity(std::string_view text, bool binary) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  const std::string_view name(parsed.ptr, static_cast<std::size_t>(text.data() + text.size() - parsed.ptr));
  const Unit* unit = binary ? find_unit(byte_units, name) : find_unit(pixel_units, name);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (unit == nullptr || value > most / unit->factor) return std::nullopt;
  return value * unit->factor;
}

void set_up(CLI::App& app, std::string_view name, std::string_view purpose, std::string examples) {
  app.name(fmt::format("mediscan {}", name));
  app.description(std::string(purpose) + '\n');
  app.footer(std::move(examples));
  app.get_formatter()->column_width(30);
  app.get_formatter()->label("OPTIONS", "options");
  app.set_help_flag("-h,--help", "This text");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

void add_manager_options(CLI::App& app, ManagerOptions& manager) {
  app.add_option("--libtorch", manager.libtorch, "libtorch_cpu.so, or a folder that holds it; else it is searched for")
      ->option_text("PATH");
  app.add_option("--threads", manager.threads, "Threads for the network; 0 takes what this machine allows")
      ->check(CLI::Range(0, 1024).description(""))
      ->option_text("N");
}

void add_run_options(CLI::App& app, LoadOptions& load, ManagerOptions& manager) {
  app.add_option("--backend", load.backend, "auto (the best real one), torch, or mock (simulated scores)")
      ->option_text("NAME");
  app.add_option("--device", load.device, "auto, cpu, cuda, cuda:1, ...")->option_text("NAME");
  app.add_option("--precision", load.precision,
                 "fp32, bf16, fp16, int8, or auto (the fastest that the device offers and the bundle allows)")
      ->option_text("NAME");
  app.add_option("--lanes", load.lanes, "Sessions that share the threads, 1 to 64; 0 takes what a profile says, else 1")
      ->check(CLI::Range(0, 64).description(""))
      ->option_text("N");
  app.add_option("--profile", load.profile,
                 "auto (what `mediscan tune` wrote for this bundle and machine), off, or a file")
      ->option_text("FILE");
  add_choice<Fallback>(app, "--fallback", load.fallback, {{"never", Fallback::never}, {"mock", Fallback::mock}},
                       "When no real backend works: never (fail), or mock (simulate, and say so)", "HOW");
  add_manager_options(app, manager);
}

void add_decode_options(CLI::App& app, DecodeOptions& decode) {
  add_choice<Decoder>(app, "--decoder", decode.decoder,
                      {{"auto", Decoder::automatic}, {"turbo", Decoder::turbo}, {"stb", Decoder::stb}},
                      "auto, turbo (libjpeg-turbo and libpng), or stb (stb_image)", "NAME");
  app.add_flag("--apply-orientation", decode.apply_orientation, "Turn pictures as their EXIF orientation says");
  add_quantity(app, "--max-pixels", decode.limits.max_pixels, false, "Width x height; 64M unless told");
  add_quantity(app, "--max-side", decode.limits.max_side, false, "Width and height, each; 16384 unless told");
  add_quantity(app, "--max-decoded-bytes", decode.limits.max_decoded_bytes, true,
               "Memory to decode one; 256MiB unless told");
  add_quantity(app, "--max-file-bytes", decode.limits.max_file_bytes, true, "Size of the file; 64MiB unless told");
}

bool parse(CLI::App& app, const Arguments& arguments, Output& out) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  for (auto& argument : reversed) {
    // CLI11 takes "[a,b]" for a list of two; a path means the same with "./" before it.
    if (argument.starts_with('[') && argument.ends_with(']')) argument.insert(0, "./");
  }
  try {
    app.parse(std::move(reversed));
    return true;
  } catch (const CLI::CallForHelp&) {
    out.write(app.help());
    return false;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    while (message.ends_with('\n')) message.pop_back();
    throw UsageError(fmt::format("{}: {}", app.get_name().substr(sizeof "mediscan"), message),
                     fmt::format("`{} --help` lists the options", app.get_name()));
  }
}

std::filesystem::path bundle_folder(const std::filesystem::path& model) {
  if (model.filename() != "mediscan.json") return model;
  return model.has_parent_path() ? model.parent_path() : std::filesystem::path(".");
}

}  // namespace mediscan::cli
