#include "base/log.hpp"

namespace mediscan::base {

void Log::operator()(LogLevel level, std::string_view message) const noexcept {
  if (!callback_) return;
  try {
    callback_(level, message);
  } catch (...) {  // a listener's failure must not become the analysis's
  }
}

}  // namespace mediscan::base
