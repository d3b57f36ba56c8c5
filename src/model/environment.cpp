#include "model/environment.hpp"

#include <fmt/format.h>

#include <mediscan/error.hpp>

namespace mediscan::model {
namespace {

void validate(const ManagerOptions& options) {
  constexpr int most = 1'000'000;
  if (options.max_jobs < 1 || options.max_jobs > most) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("max_jobs is {}, expected 1 to {}", options.max_jobs, most), "1024 suits most machines");
  }
  if (options.max_job_bytes == 0) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "max_job_bytes is 0, then no job could be accepted",
                "give the bytes that waiting pictures may hold");
  }
}

}  // namespace

Environment Environment::of(const ManagerOptions& options) {
  validate(options);
  Environment made;
  made.threads = base::thread_budget(options.threads);
  made.libtorch = options.libtorch;
  made.log = base::Log(options.log);
  made.metrics = std::make_shared<metrics::Metrics>();
  made.cache = std::make_shared<cache::Cache>(options.cache, made.log, *made.metrics);
  made.memory = std::make_shared<ModelMemory>(options.max_model_bytes);
  made.engine = std::make_shared<schedule::Engine>(options, made.threads.threads);
  return made;
}

}  // namespace mediscan::model
