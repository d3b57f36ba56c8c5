// The log callback behind a value that is cheap to copy and safe when no one listens.
#pragma once

#include <mediscan/options.hpp>
#include <string_view>

namespace mediscan::base {

class Log {
 public:
  Log() = default;
  explicit Log(LogCallback callback) : callback_(std::move(callback)) {}

  void operator()(LogLevel level, std::string_view message) const noexcept;

 private:
  LogCallback callback_;
};

}  // namespace mediscan::base
