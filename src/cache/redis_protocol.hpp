// Commands to bytes and bytes to replies, by hiredis. Knows no sockets. hiredis reads and writes those itself only in
// ways that fit no host: with write(), which raises SIGPIPE, and with a time-out for each read instead of for all.
#pragma once

#include <hiredis/read.h>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mediscan::cache {

struct RedisReply {
  enum class Kind { status, error, text, integer, nothing };
  Kind kind = Kind::nothing;
  std::string text;  ///< of status, error and text

  /// The leading word of an error in capitals ("OOM", "WRONGPASS"), "ERR" when there is none: safe to log.
  [[nodiscard]] std::string error_code() const;
};

/// Words may hold any bytes.
std::string redis_command(std::span<const std::string_view> words);

/// Puts one reply after the other together from the bytes of a connection. Lists are no reply to anything we ask, and
/// refused as every breach of the protocol.
class RedisReplyReader {
 public:
  /// A reply of more than `most_bytes` is refused before it is read to the end.
  explicit RedisReplyReader(std::size_t most_bytes);

  void feed(std::span<const char> bytes);

  /// Nothing while bytes are missing. Throws RedisFailure.
  std::optional<RedisReply> next();

  /// No byte is left over: the other side said nothing that it was not asked.
  [[nodiscard]] bool empty() const noexcept;

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };
  std::unique_ptr<redisReader, Free> reader_;
  std::size_t most_bytes_;
  std::size_t fed_ = 0;  ///< of the reply being read
};

}  // namespace mediscan::cache
