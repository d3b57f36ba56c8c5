// Map, hash, compare. The mapping is private and read-only; a file that someone else changes in place afterwards is
// outside this check.
#include "bundle/weights.hpp"

#include <fmt/format.h>

#include <mediscan/error.hpp>

#include "base/hash.hpp"
#include "bundle/inside.hpp"

namespace mediscan::bundle {

LoadedWeights LoadedWeights::read(const Bundle& bundle) {
  LoadedWeights loaded;
  for (const auto& stated : bundle.weights) {
    base::MappedFile file(file_inside(bundle.directory, stated.file), Stage::bundle);
    std::string found = base::sha256_hex(file.bytes());
    if (found != stated.sha256) {
      throw Error(ErrorCode::hash_mismatch, Stage::bundle,
                  fmt::format("{}: SHA-256 is {}, expected {} as mediscan.json states",
                              (bundle.directory / stated.file).string(), found, stated.sha256),
                  "the weights are not those the bundle was made with: copy or download them again");
    }
    loaded.views_.push_back({stated.file, stated.format, std::move(found), file.bytes()});
    loaded.files_.push_back(std::move(file));
  }
  return loaded;
}

}  // namespace mediscan::bundle

namespace mediscan {

void verify_weights(const Bundle& bundle) { static_cast<void>(bundle::LoadedWeights::read(bundle)); }

}  // namespace mediscan
