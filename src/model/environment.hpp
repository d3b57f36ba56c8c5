// What a model takes from its manager.
#pragma once

#include <filesystem>
#include <memory>

#include "base/log.hpp"
#include "base/threads.hpp"
#include "cache/cache.hpp"
#include "metrics/metrics.hpp"
#include "model/model_memory.hpp"
#include "schedule/engine.hpp"

namespace mediscan::model {

/// Copies share everything.
struct Environment {
  base::ThreadBudget threads;
  std::filesystem::path libtorch;
  base::Log log;
  std::shared_ptr<metrics::Metrics> metrics;
  std::shared_ptr<cache::Cache> cache;
  std::shared_ptr<ModelMemory> memory;
  std::shared_ptr<schedule::Engine> engine;

  /// One of a manager with these options. Throws what the options' validation throws.
  static Environment of(const ManagerOptions& options);
};

}  // namespace mediscan::model
