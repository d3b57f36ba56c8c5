// The weight files of a bundle, mapped and checked against the hashes that the manifest states.
#pragma once

#include <mediscan/backend.hpp>
#include <mediscan/bundle.hpp>
#include <vector>

#include "base/file.hpp"

namespace mediscan::bundle {

/// Keeps the mappings alive that its views point into.
class LoadedWeights {
 public:
  /// Maps every file and hashes the mapped bytes. Throws IO_ERROR, NOT_FOUND (named in the manifest, but not there),
  /// BUNDLE_INVALID (a file outside the folder) or HASH_MISMATCH naming the file, the stated and the found hash.
  static LoadedWeights read(const Bundle& bundle);

  [[nodiscard]] const std::vector<WeightsView>& views() const noexcept { return views_; }

 private:
  std::vector<base::MappedFile> files_;
  std::vector<WeightsView> views_;
};

}  // namespace mediscan::bundle
