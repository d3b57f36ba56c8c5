// mediscan_manager.
#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

#include <mediscan/system.hpp>

using namespace mediscan::capi;

namespace {

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
  return result;
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

mediscan_status mediscan_manager_retain(mediscan_manager* manager) { return retain(manager); }
mediscan_status mediscan_manager_release(mediscan_manager* manager) { return release(manager); }
