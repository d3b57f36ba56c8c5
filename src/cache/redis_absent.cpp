// Stands for redis_tier.cpp in a library built without hiredis: there is no Redis, and asking for one is told so.
#include <mediscan/error.hpp>

#include "cache/redis_tier.hpp"

namespace mediscan::cache {

struct RedisTier::Impl {};

RedisTier::RedisTier(const CacheOptions&, base::Log, metrics::Metrics&) {
  throw Error(ErrorCode::unsupported, Stage::argument, "cache.redis: this library was built without hiredis",
              "leave cache.redis empty, or build with -DMEDISCAN_WITH_REDIS=ON");
}

RedisTier::~RedisTier() = default;
SharedResult RedisTier::find(const std::string&) noexcept { return nullptr; }
void RedisTier::store(const std::string&, SharedResult) noexcept {}
bool RedisTier::flush(std::chrono::milliseconds) noexcept { return true; }
bool RedisTier::open() const noexcept { return false; }

}  // namespace mediscan::cache
