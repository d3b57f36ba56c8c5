// Functions that need no object: the version, names, what is on this machine.
#include <mediscan/bundle.hpp>
#include <mediscan/system.hpp>

#include <cstdlib>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

using namespace mediscan::capi;

const char* mediscan_version(void) {
  static const std::string version = mediscan::library_version();
  return version.c_str();
}

const char* mediscan_status_name(mediscan_status status) {
  return status == MEDISCAN_OK ? "OK" : mediscan::name_of(static_cast<mediscan::ErrorCode>(status)).data();
}

mediscan_status mediscan_system_json(const char* libtorch, char** json, mediscan_error** error) {
  return boundary(error, [&] {
    require(json, "json");
    mediscan::ManagerOptions options;
    if (libtorch != nullptr) options.libtorch = libtorch;
    *json = owned_text(to_json(mediscan::system_report(options)));
  });
}

mediscan_status mediscan_bundle_json(const char* path, size_t path_length, char** json, mediscan_error** error) {
  return boundary(error, [&] {
    require(json, "json");
    *json = owned_text(to_json(mediscan::Bundle::read(text_of(path, path_length, "path"))));
  });
}

void mediscan_string_free(char* text) {
  std::free(text);
}  // NOLINT(*-no-malloc,*-owning-memory): owned_text's counterpart
