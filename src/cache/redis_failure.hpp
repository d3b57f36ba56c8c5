// Why asking Redis came to nothing. Stays inside this room: the cache fails open, and no caller of it sees one.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace mediscan::cache {

class RedisFailure : public std::exception {
 public:
  enum class Kind {
    broken,    ///< no connection, a time-out, a refused login, an answer that is no Redis protocol
    oversize,  ///< the server is well, but the value is larger than any of ours
    busy,      ///< all connections were in use all the time
  };

  /// `what` may be logged: it holds no key, no password and nothing that the server chose freely.
  RedisFailure(Kind kind, std::string what) : kind_(kind), what_(std::move(what)) {}

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  Kind kind_;
  std::string what_;
};

}  // namespace mediscan::cache
