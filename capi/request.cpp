#include "capi/request.hpp"

#include "capi/arguments.hpp"
#include "capi/completions.hpp"
#include "capi/image.hpp"
#include "capi/objects.hpp"

namespace mediscan::capi {
namespace {

Priority priority_of(std::int32_t number) {
  if (number < MEDISCAN_PRIORITY_LOW || number > MEDISCAN_PRIORITY_HIGH) {
    invalid("mediscan_request.priority", "is " + std::to_string(number), "choose one of: -1, 0, 1");
  }
  return static_cast<Priority>(number);
}

JobOptions common_options(const mediscan_request& request) {
  if (request.reserved != 0) invalid("mediscan_request.reserved", "is not 0");
  JobOptions options;
  options.timeout = timeout_of(request.timeout_ns);
  options.priority = priority_of(request.priority);
  options.cache = request.no_cache == 0;
  return options;
}

}  // namespace

JobOptions waiting_options(const mediscan_request* given) {
  const auto request = options_of(given, "mediscan_request");
  const auto refuse = [](bool set, const char* field) {
    if (set) invalid(field, "is set, but this call waits itself", "use mediscan_submit or mediscan_submit_bytes");
  };
  refuse(request.completions != nullptr, "mediscan_request.completions");
  refuse(request.tag != 0, "mediscan_request.tag");
  refuse(request.on_done != nullptr, "mediscan_request.on_done");
  refuse(request.on_done_user != nullptr, "mediscan_request.on_done_user");
  return common_options(request);
}

JobOptions submit_options(const mediscan_request* given) {
  const auto request = options_of(given, "mediscan_request");
  JobOptions options = common_options(request);
  if (request.completions != nullptr) options.completions = queue_of(request.completions);
  options.tag = request.tag;
  return options;
}

void set_decode(JobOptions& options, const mediscan_decode_options* decode) {
  options.decode = decode_options(decode);
  options.name = name_in(decode);
}

}  // namespace mediscan::capi

void mediscan_request_init(mediscan_request* request, size_t size) { mediscan::capi::init_struct(request, size); }
