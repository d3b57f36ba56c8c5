// Which models live in the process. A bundle is loaded once however many ask for it; results come from models that are
// READY.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/export.hpp>
#include <mediscan/options.hpp>
#include <mediscan/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mediscan {

enum class ModelState { loading, ready, failed, unloading, unloaded };
MEDISCAN_API std::string_view name_of(ModelState state) noexcept;  ///< "LOADING", "READY", ...

/// Largest difference between the bundle's stored logits and those computed at load.
struct SelfTestRecord {
  bool run = false;  ///< false on a simulated backend
  double largest_difference = 0;
  double tolerance = 0;
};

struct ModelStatus {
  ModelState state = ModelState::loading;
  std::string reason;  ///< why FAILED, else empty
  std::filesystem::path directory;
  ModelRecord model;
  ExecutionRecord execution;  ///< batch_size is max_batch here
  SelfTestRecord self_test;
  double load_ms = 0;
  std::uint64_t analyses = 0;
  std::uint64_t failures = 0;
};

namespace model {
class LoadedModel;  // internal
}

/// A counted reference to a loaded model. Copies refer to the same model; keeping one does not keep it from being
/// unloaded, and using it afterwards is NOT_READY. Thread-safe.
class MEDISCAN_API Model {
 public:
  [[nodiscard]] ModelStatus status() const;
  [[nodiscard]] const Bundle& bundle() const noexcept;

  explicit Model(std::shared_ptr<model::LoadedModel> loaded) noexcept : loaded_(std::move(loaded)) {}
  [[nodiscard]] const std::shared_ptr<model::LoadedModel>& loaded() const noexcept { return loaded_; }  ///< internal

 private:
  std::shared_ptr<model::LoadedModel> loaded_;
};

/// Loads, keeps and unloads models. Thread-safe. Destroying it with work in flight is safe: that work ends normally,
/// later use of its models is NOT_READY. In a child made by fork() every call of it and of its models is FORKED: load
/// models after fork(), with a manager of that process.
class MEDISCAN_API ModelManager {
 public:
  explicit ModelManager(ManagerOptions options = {});
  ~ModelManager();
  ModelManager(const ModelManager&) = delete;
  ModelManager& operator=(const ModelManager&) = delete;

  /// The manager of the process, made with default options on first use and never destroyed.
  static ModelManager& shared();

  /// Loads a bundle and returns once it is READY; a second load of the same folder with the same options is the same
  /// model, and callers that ask while it is loading wait for the one load. Hash, build, self-test, warm-up: any
  /// failure throws its Error (NOT_FOUND, BUNDLE_INVALID, HASH_MISMATCH, SELF_TEST_FAILED, BACKEND_UNAVAILABLE,
  /// PRECISION_UNSUPPORTED, ...), stands as FAILED in status(), and the next load tries again.
  Model load(const std::filesystem::path& bundle, const LoadOptions& options = {});

  /// Takes a model out of service: new work is NOT_READY, work in flight ends normally, then its memory is freed.
  /// Returns when it is. A model that is not this manager's, or already unloaded, is left alone (false).
  bool unload(const Model& model);

  /// Every model that is loading, ready, failed or unloading, in order of first load.
  [[nodiscard]] std::vector<ModelStatus> status() const;

  struct Impl;  ///< internal

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace mediscan
