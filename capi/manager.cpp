// mediscan_manager.
#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

#include <mediscan/system.hpp>

using namespace mediscan::capi;

namespace {

mediscan::CacheOptions cache_options(const mediscan_manager_options& options) {
  mediscan::CacheOptions result;
  result.memory_bytes = options.cache_memory_bytes;
  if (options.redis != nullptr) result.redis = options.redis;
  if (options.redis_prefix != nullptr) result.redis_prefix = options.redis_prefix;
  if (options.redis_ttl_s != 0) result.redis_ttl = std::chrono::seconds(options.redis_ttl_s);
  if (options.hmac_key != nullptr) {
    result.hmac_key.assign(static_cast<const char*>(options.hmac_key), options.hmac_key_length);
    if (result.hmac_key.empty()) invalid("mediscan_manager_options.hmac_key", "has hmac_key_length 0");
  } else if (options.hmac_key_length != 0) {
    invalid("mediscan_manager_options.hmac_key", "is NULL, but has hmac_key_length");
  }
  if (options.connect_timeout_ms != 0) result.connect_timeout = std::chrono::milliseconds(options.connect_timeout_ms);
  if (options.operation_timeout_ms != 0) {
    result.operation_timeout = std::chrono::milliseconds(options.operation_timeout_ms);
  }
  return result;
}

mediscan::ManagerOptions manager_options(const mediscan_manager_options* given) {
  const auto options = options_of(given, "mediscan_manager_options");
  mediscan::ManagerOptions result;
  if (options.threads < 0)
    invalid("mediscan_manager_options.threads", "is negative", "0 takes what this machine allows");
  result.threads = options.threads;
  if (options.libtorch != nullptr) result.libtorch = options.libtorch;
  if (options.log != nullptr) {
    result.log = [log = options.log, user = options.log_user](mediscan::LogLevel level, std::string_view message) {
      const std::string line(message);  // the callee is promised a NUL
      log(user, static_cast<std::int32_t>(level), line.c_str(), line.size());
    };
  }
  if (options.max_jobs != 0) result.max_jobs = options.max_jobs;
  if (options.max_job_bytes != 0) result.max_job_bytes = options.max_job_bytes;
  result.max_model_bytes = options.max_model_bytes;
  result.cache = cache_options(options);
  return result;
}

/// A text that `text` makes of a manager, for the caller.
template <class Text>
mediscan_status give_text(const mediscan_manager* manager, char** out, const char* name, mediscan_error** error,
                          Text&& text) {
  return boundary(error, [&] {
    require(out, name);
    *out = owned_text(text(*object_of(manager)->manager));
  });
}

mediscan_manager* new_manager(std::shared_ptr<mediscan::ModelManager> manager) {
  return new_handle<mediscan_manager>(std::make_unique<ManagerObject>(ManagerObject{std::move(manager)}));
}

}  // namespace

void mediscan_manager_options_init(mediscan_manager_options* options, size_t size) { init_struct(options, size); }

mediscan_status mediscan_manager_create(const mediscan_manager_options* options, mediscan_manager** manager,
                                        mediscan_error** error) {
  return boundary(error, [&] {
    require(manager, "manager");
    *manager = new_manager(std::make_shared<mediscan::ModelManager>(manager_options(options)));
  });
}

mediscan_status mediscan_manager_shared(mediscan_manager** manager, mediscan_error** error) {
  return boundary(error, [&] {
    require(manager, "manager");
    const auto keep = [](mediscan::ModelManager*) {};  // it lives for ever
    *manager = new_manager({&mediscan::ModelManager::shared(), keep});
  });
}

mediscan_status mediscan_manager_status_json(const mediscan_manager* manager, char** json, mediscan_error** error) {
  return boundary(error, [&] {
    require(json, "json");
    const auto pin = object_of(manager);
    std::string models;
    for (const mediscan::ModelStatus& status : pin->manager->status()) {
      models.append(models.empty() ? "" : ",").append(to_json(status));
    }
    *json = owned_text("{\"models\":[" + models + "]}");
  });
}

mediscan_status mediscan_manager_engine_json(const mediscan_manager* manager, char** json, mediscan_error** error) {
  return give_text(manager, json, "json", error, [](auto& of) { return to_json(of.engine_status()); });
}

mediscan_status mediscan_manager_metrics_json(const mediscan_manager* manager, char** json, mediscan_error** error) {
  return give_text(manager, json, "json", error, [](auto& of) { return to_json(of.metrics()); });
}

mediscan_status mediscan_manager_prometheus(const mediscan_manager* manager, char** text, mediscan_error** error) {
  return give_text(manager, text, "text", error, [](auto& of) { return of.prometheus(); });
}

mediscan_status mediscan_manager_drain(mediscan_manager* manager, uint64_t timeout_ns, int32_t* drained,
                                       mediscan_error** error) {
  return boundary(error, [&] { answer(object_of(manager)->manager->drain(timeout_of(timeout_ns)), drained); });
}

mediscan_status mediscan_manager_retain(mediscan_manager* manager) { return retain(manager); }
mediscan_status mediscan_manager_release(mediscan_manager* manager) { return release(manager); }
