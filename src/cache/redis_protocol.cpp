#include "cache/redis_protocol.hpp"

#include <hiredis/hiredis.h>

#include <new>
#include <vector>

#include "cache/redis_failure.hpp"

namespace mediscan::cache {
namespace {

using Kind = RedisReply::Kind;

/// hiredis calls these from C, so nothing may be thrown: null is its out of memory.
void* made(Kind kind, const char* text, std::size_t size) noexcept {
  try {
    return std::make_unique<RedisReply>(RedisReply{kind, std::string(text, size)}).release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* make_text(const redisReadTask* task, char* text, std::size_t size) noexcept {
  if (task->type == REDIS_REPLY_ERROR) return made(Kind::error, text, size);
  return made(task->type == REDIS_REPLY_STATUS ? Kind::status : Kind::text, text, size);
}

/// A template because the type of the size differs between versions of hiredis.
template <class Size>
void* make_list(const redisReadTask*, Size) noexcept {
  return nullptr;
}

void* make_integer(const redisReadTask*, long long) noexcept { return made(Kind::integer, "", 0); }
void* make_nothing(const redisReadTask*) noexcept { return made(Kind::nothing, "", 0); }
void release(void* reply) noexcept { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions& makers() {
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions made{};
    made.createString = make_text;
    made.createArray = make_list;
    made.createInteger = make_integer;
    made.createNil = make_nothing;
    made.freeObject = release;
    return made;
  }();
  return functions;
}

[[noreturn]] void refuse_protocol() {
  throw RedisFailure(RedisFailure::Kind::broken, "the answer is not of the Redis protocol");
}

}  // namespace

std::string RedisReply::error_code() const {
  constexpr std::size_t longest = 20;
  const auto end = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const std::string word = text.substr(0, end);
  return word.empty() || word.size() > longest ? "ERR" : word;
}

std::string redis_command(std::span<const std::string_view> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* bytes = nullptr;
  const int size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  struct Free {
    void operator()(char* command) const noexcept { redisFreeCommand(command); }
  };
  const std::unique_ptr<char, Free> owner(bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

RedisReplyReader::RedisReplyReader(std::size_t most_bytes)
    : reader_(redisReaderCreateWithFunctions(&makers())), most_bytes_(most_bytes) {
  if (!reader_) throw std::bad_alloc();
}

void RedisReplyReader::feed(std::span<const char> bytes) {
  if (bytes.empty()) return;
  constexpr std::string_view begins = "+-:$";  // what hiredis makes of any other beginning we need not know
  if (fed_ == 0 && begins.find(bytes.front()) == std::string_view::npos) refuse_protocol();
  fed_ += bytes.size();
  if (fed_ > most_bytes_)
    throw RedisFailure(RedisFailure::Kind::oversize, "the value is larger than any that is stored");
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) throw std::bad_alloc();
}

std::optional<RedisReply> RedisReplyReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) refuse_protocol();
  if (reply == nullptr) return std::nullopt;
  const std::unique_ptr<RedisReply> owner(static_cast<RedisReply*>(reply));
  fed_ = 0;
  return std::move(*owner);
}

bool RedisReplyReader::empty() const noexcept { return reader_->pos == reader_->len; }

}  // namespace mediscan::cache
