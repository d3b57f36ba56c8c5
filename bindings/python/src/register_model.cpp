// Models and their manager: loading, swapping, draining, unloading, and what they say of themselves.
#include <pybind11/stl.h>

#include <algorithm>
#include <mediscan/analyzer.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/system.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log_queue.hpp"
#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

using AnalyzerPointer = std::shared_ptr<Analyzer>;

/// The interpreter's end waits for what the manager has accepted and for the loads in its background: its threads must
/// not be at work while the process takes itself apart.
bool is_idle(const std::weak_ptr<ModelManager>& weak) {
  const auto manager = weak.lock();
  if (!manager) return true;
  try {
    if (manager->engine_status().jobs > 0) return false;
    const auto models = manager->status();
    return std::none_of(models.begin(), models.end(),
                        [](const ModelStatus& model) { return model.state == ModelState::loading; });
  } catch (const Error&) {  // FORKED: its threads are not in this process
    return true;
  }
}

std::shared_ptr<ModelManager> make_manager(int threads, const py::bytes& libtorch, int max_jobs,
                                           std::uint64_t max_job_bytes, std::uint64_t max_model_bytes,
                                           std::uint64_t cache_memory_bytes, const std::string& redis,
                                           const std::string& redis_prefix, std::int64_t redis_ttl,
                                           const py::bytes& hmac_key, double redis_connect_timeout,
                                           double redis_operation_timeout) {
  ManagerOptions options;
  options.threads = threads;
  options.libtorch = path_of(libtorch);
  options.log = queueing_log();
  options.max_jobs = max_jobs;
  options.max_job_bytes = max_job_bytes;
  options.max_model_bytes = max_model_bytes;
  options.cache.memory_bytes = cache_memory_bytes;
  options.cache.redis = redis;
  options.cache.redis_prefix = redis_prefix;
  options.cache.redis_ttl = std::chrono::seconds(redis_ttl);
  options.cache.hmac_key = std::string(hmac_key);
  options.cache.connect_timeout = rounded<std::chrono::milliseconds>(redis_connect_timeout);
  options.cache.operation_timeout = rounded<std::chrono::milliseconds>(redis_operation_timeout);
  auto manager = without_gil([&] { return make_object<ModelManager>(std::move(options)); });
  wait_at_exit_for(manager, [weak = std::weak_ptr(manager)] { return is_idle(weak); });
  return manager;
}

Fallback fallback_named(const std::string& name) {
  if (name == "never") return Fallback::never;
  if (name == "mock") return Fallback::mock;
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no fallback \"" + name + "\"",
              "give \"never\" or \"mock\"");
}

LoadOptions load_options(std::string backend, std::string device, std::string precision, const std::string& fallback,
                         int max_batch, int lanes, const py::bytes& profile, double max_delay, bool batch_invariant,
                         double hang_timeout) {
  LoadOptions options;
  options.backend = std::move(backend);
  options.device = std::move(device);
  options.precision = std::move(precision);
  options.fallback = fallback_named(fallback);
  options.max_batch = max_batch;
  options.lanes = lanes;
  options.profile = path_of(profile).string();
  options.max_delay = rounded<std::chrono::microseconds>(max_delay);
  options.batch_invariant = batch_invariant;
  options.hang_timeout = rounded<std::chrono::milliseconds>(hang_timeout);
  return options;
}

AnalyzerPointer load(ModelManager& manager, const py::bytes& bundle, const LoadOptions& options) {
  return without_gil([&, folder = path_of(bundle)] { return make_object<Analyzer>(manager.load(folder, options)); });
}

AnalyzerPointer load_async(ModelManager& manager, const py::bytes& bundle, const LoadOptions& options) {
  return without_gil(
      [&, folder = path_of(bundle)] { return make_object<Analyzer>(manager.load_async(folder, options)); });
}

void swap(ModelManager& manager, const Analyzer& analyzer, const py::bytes& bundle,
          const std::optional<LoadOptions>& options) {
  without_gil([&, folder = path_of(bundle)] {
    if (options) {
      manager.swap(analyzer.model(), folder, *options);
    } else {
      manager.swap(analyzer.model(), folder);
    }
  });
}

bool drain(ModelManager& manager, std::optional<double> seconds) {
  return wait_in_slices(seconds, [&](std::chrono::nanoseconds slice) { return manager.drain(slice); });
}

std::vector<std::string> status_of_all(const ModelManager& manager) {
  return without_gil([&] {
    std::vector<std::string> all;
    for (const ModelStatus& status : manager.status()) all.push_back(to_json(status));
    return all;
  });
}

}  // namespace

void register_model(py::module_& module) {
  py::class_<LoadOptions>(module, "LoadOptions")
      .def(py::init(&load_options), py::kw_only(), py::arg("backend"), py::arg("device"), py::arg("precision"),
           py::arg("fallback"), py::arg("max_batch"), py::arg("lanes"), py::arg("profile"), py::arg("max_delay"),
           py::arg("batch_invariant"), py::arg("hang_timeout"));

  py::class_<ModelManager, std::shared_ptr<ModelManager>>(module, "ModelManager")
      .def(py::init(&make_manager), py::kw_only(), py::arg("threads"), py::arg("libtorch"), py::arg("max_jobs"),
           py::arg("max_job_bytes"), py::arg("max_model_bytes"), py::arg("cache_memory_bytes"), py::arg("redis"),
           py::arg("redis_prefix"), py::arg("redis_ttl"), py::arg("hmac_key"), py::arg("redis_connect_timeout"),
           py::arg("redis_operation_timeout"))
      .def("load", &load, py::arg("bundle"), py::arg("options"))
      .def("load_async", &load_async, py::arg("bundle"), py::arg("options"))
      .def("swap", &swap, py::arg("model"), py::arg("bundle"), py::arg("options"))
      .def(
          "unload",
          [](ModelManager& manager, const Analyzer& analyzer) {
            return without_gil([&] { return manager.unload(analyzer.model()); });
          },
          py::arg("model"))
      .def("drain", &drain, py::arg("seconds"))
      .def("status_json", &status_of_all)
      .def("engine_status_json",
           [](const ModelManager& of) { return without_gil([&] { return to_json(of.engine_status()); }); })
      .def("metrics_json", [](const ModelManager& of) { return without_gil([&] { return to_json(of.metrics()); }); })
      .def("prometheus", [](const ModelManager& of) { return without_gil([&] { return of.prometheus(); }); });
}

}  // namespace mediscan::python
