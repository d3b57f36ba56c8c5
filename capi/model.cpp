// mediscan_model.
#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

#include <mediscan/system.hpp>

using namespace mediscan::capi;

namespace {

mediscan::LoadOptions load_options(const mediscan_load_options* given) {
  const auto options = options_of(given, "mediscan_load_options");
  mediscan::LoadOptions result;
  if (options.max_batch != 0) result.max_batch = options.max_batch;
  if (options.backend != nullptr) result.backend = options.backend;
  if (options.device != nullptr) result.device = options.device;
  if (options.precision != nullptr) result.precision = options.precision;
  result.fallback =
      choice_of<mediscan::Fallback>(options.fallback, "mediscan_load_options.fallback",
                                    {{"never", mediscan::Fallback::never}, {"mock", mediscan::Fallback::mock}});
  if (options.reserved != 0) invalid("mediscan_load_options.reserved", "is not 0");
  result.batch_invariant = options.batch_invariant != 0;
  result.max_delay = std::chrono::microseconds(options.max_delay_us);
  if (options.profile != nullptr) result.profile = options.profile;
  result.lanes = options.lanes;
  if (options.reserved2 != 0) invalid("mediscan_load_options.reserved2", "is not 0");
  if (options.hang_timeout_ms != 0) result.hang_timeout = std::chrono::milliseconds(options.hang_timeout_ms);
  return result;
}

mediscan_model* new_model(mediscan::Model model) {
  return new_handle<mediscan_model>(std::make_unique<ModelObject>(ModelObject{mediscan::Analyzer(std::move(model))}));
}

}  // namespace

void mediscan_load_options_init(mediscan_load_options* options, size_t size) { init_struct(options, size); }

mediscan_status mediscan_model_load(mediscan_manager* manager, const char* path, size_t path_length,
                                    const mediscan_load_options* options, mediscan_model** model,
                                    mediscan_error** error) {
  return boundary(error, [&] {
    require(model, "model");
    const auto pin = object_of(manager);
    *model = new_model(pin->manager->load(text_of(path, path_length, "path"), load_options(options)));
  });
}

mediscan_status mediscan_model_load_async(mediscan_manager* manager, const char* path, size_t path_length,
                                          const mediscan_load_options* options, mediscan_model** model,
                                          mediscan_error** error) {
  return boundary(error, [&] {
    require(model, "model");
    const auto pin = object_of(manager);
    *model = new_model(pin->manager->load_async(text_of(path, path_length, "path"), load_options(options)));
  });
}

mediscan_status mediscan_model_wait(const mediscan_model* model, uint64_t timeout_ns, int32_t* loaded,
                                    mediscan_error** error) {
  return boundary(error, [&] {
    const mediscan::Model of = object_of(model)->analyzer.model();
    if (timeout_ns != MEDISCAN_FOREVER && !of.wait_for(timeout_of(timeout_ns))) return answer(false, loaded);
    of.wait();
    answer(true, loaded);
  });
}

mediscan_status mediscan_model_swap(mediscan_manager* manager, mediscan_model* model, const char* path,
                                    size_t path_length, const mediscan_load_options* options, mediscan_error** error) {
  return boundary(error, [&] {
    const auto in = object_of(manager);
    const auto pin = object_of(model);
    const std::string bundle = text_of(path, path_length, "path");
    if (options == nullptr) {
      in->manager->swap(pin->analyzer.model(), bundle);
    } else {
      in->manager->swap(pin->analyzer.model(), bundle, load_options(options));
    }
  });
}

mediscan_status mediscan_model_unload(mediscan_manager* manager, mediscan_model* model, mediscan_error** error) {
  return boundary(error, [&] {
    const auto from = object_of(manager);
    const auto pin = object_of(model);
    if (from->manager->unload(pin->analyzer.model())) return;
    throw mediscan::Error(mediscan::ErrorCode::not_ready, mediscan::Stage::model,
                          "model " + pin->analyzer.model().bundle().name + " is not loaded in this manager",
                          "it was unloaded already, or belongs to another manager");
  });
}

mediscan_status mediscan_model_status_json(const mediscan_model* model, char** json, mediscan_error** error) {
  return boundary(error, [&] {
    require(json, "json");
    *json = owned_text(to_json(object_of(model)->analyzer.model().status()));
  });
}

mediscan_status mediscan_model_retain(mediscan_model* model) { return retain(model); }
mediscan_status mediscan_model_release(mediscan_model* model) { return release(model); }
