#include "profile/profile.hpp"

#include <cmath>
#include <mediscan/error.hpp>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "bundle/names.hpp"

namespace mediscan::profile {
namespace {

using bundle::JsonReader;

constexpr std::uint64_t form = 1;
constexpr std::uint64_t max_bytes = 1ULL << 20;
constexpr std::size_t max_rows = 4096;
constexpr std::uint64_t max_lanes = 64;
constexpr std::uint64_t max_threads = 1024;
constexpr std::uint32_t max_batch = 64;

nlohmann::ordered_json json_of(const Measured& row) {
  return {{"backend", row.backend},       {"backend_version", row.backend_version},
          {"simulated", row.simulated},   {"device", row.device},
          {"precision", row.precision},   {"lanes", row.lanes},
          {"threads", row.threads},       {"batch_size", row.batch_size},
          {"latency_ms", row.latency_ms}, {"pictures_per_second", row.pictures_per_second}};
}

double speed(const JsonReader& reader) {
  return reader.number([](double value) { return std::isfinite(value) && value > 0; }, "a number over 0");
}

Measured measured_of(const JsonReader& reader) {
  reader.expect_fields({"backend", "backend_version", "simulated", "device", "precision", "lanes", "threads",
                        "batch_size", "latency_ms", "pictures_per_second"});
  Measured row;
  row.backend = reader.field("backend").text();
  row.backend_version = reader.field("backend_version").any_text();
  row.simulated = reader.field("simulated").boolean();
  row.device = reader.field("device").text();
  row.precision = reader.field("precision").name_among({"fp32", "bf16", "fp16", "int8"});
  row.lanes = static_cast<int>(reader.field("lanes").integer(1, max_lanes));
  row.threads = static_cast<int>(reader.field("threads").integer(1, max_threads));
  row.batch_size = reader.field("batch_size").integer32(1, max_batch);
  row.latency_ms = speed(reader.field("latency_ms"));
  row.pictures_per_second = speed(reader.field("pictures_per_second"));
  return row;
}

Identity identity_of(const JsonReader& root) {
  Identity identity;
  identity.library_version = root.field("library_version").text();
  const JsonReader model = root.field("model");
  model.expect_fields({"name", "weights_sha256", "manifest_sha256"});
  identity.weights_sha256 = model.field("weights_sha256").text();
  identity.manifest_sha256 = model.field("manifest_sha256").text();
  const JsonReader machine = root.field("machine");
  machine.expect_fields({"cpu", "features", "threads"});
  identity.cpu = machine.field("cpu").text();
  for (const JsonReader& feature : machine.field("features").elements(0, 64)) {
    identity.features.push_back(feature.text());
  }
  identity.threads = static_cast<int>(machine.field("threads").integer(1, max_threads));
  return identity;
}

}  // namespace

std::string to_text(const Profile& profile) {
  const Identity& identity = profile.identity;
  nlohmann::ordered_json json;
  json["mediscan_profile"] = form;
  json["library_version"] = identity.library_version;
  json["model"] = {{"name", profile.model},
                   {"weights_sha256", identity.weights_sha256},
                   {"manifest_sha256", identity.manifest_sha256}};
  json["machine"] = {{"cpu", identity.cpu}, {"features", identity.features}, {"threads", identity.threads}};
  json["made"] = profile.made;
  json["goal"] = bundle::name_in(goal_names, profile.goal);
  json["measured"] = nlohmann::ordered_json::array();
  for (const Measured& row : profile.measured) json["measured"].push_back(json_of(row));
  return json.dump(2) + '\n';
}

Profile parse(std::span<const std::byte> text, std::string_view document) {
  const nlohmann::json tree = bundle::parse_json(text, document);
  const JsonReader root(tree, document);
  root.expect_fields({"mediscan_profile", "library_version", "model", "machine", "made", "goal", "measured"});
  (void)root.field("mediscan_profile").integer(form, form);
  Profile profile;
  profile.identity = identity_of(root);
  profile.model = root.field("model").field("name").text();
  profile.made = root.field("made").text();
  profile.goal = bundle::choice_of(root.field("goal"), goal_names);
  for (const JsonReader& row : root.field("measured").elements(1, max_rows)) {
    profile.measured.push_back(measured_of(row));
  }
  return profile;
}

Profile read(const std::filesystem::path& file) {
  std::error_code ignored;
  if (const auto status = std::filesystem::status(file, ignored);
      std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorCode::io_error, Stage::model, file.string() + ": not a regular file", "name a profile's file");
  }
  return parse(base::read_file(file, max_bytes, "of a profile", Stage::model), file.string());
}

}  // namespace mediscan::profile
