// One load that many may wait for: the first caller fulfils it, the others get the same model or the same Error.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mediscan/error.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <mutex>
#include <optional>

#include "model/loaded_model.hpp"

namespace mediscan::model {

class LoadTicket {
 public:
  explicit LoadTicket(std::filesystem::path directory);

  /// Reads the bundle and loads it. Never throws: what went wrong is what wait() throws. Once, by the caller that made
  /// the ticket.
  void fulfil(const LoadOptions& options, const Environment& environment);

  /// The model once it is READY; throws the Error of the load that failed.
  [[nodiscard]] std::shared_ptr<LoadedModel> wait() const;

  /// True while a new caller should use this ticket: loading or ready, not failed, not on its way out.
  [[nodiscard]] bool serves() const;

  /// The model, or null before the bundle was read.
  [[nodiscard]] std::shared_ptr<LoadedModel> model() const;

  [[nodiscard]] ModelStatus status() const;

 private:
  void finish(std::optional<Error> error);

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<LoadedModel> model_;
  std::optional<Error> error_;
  bool finished_ = false;
};

}  // namespace mediscan::model
