#include "cache/connection_pool.hpp"

#include <utility>

#include "cache/redis_failure.hpp"

namespace mediscan::cache {

/// One of the `most` that may be asked at once.
class ConnectionPool::Place {
 public:
  Place(ConnectionPool& pool, Clock::time_point deadline) : pool_(pool) { pool_.wait_for_place(deadline); }
  ~Place() { pool_.leave_place(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  ConnectionPool& pool_;
};

ConnectionPool::ConnectionPool(RedisAddress address, std::chrono::milliseconds connect_timeout,
                               std::chrono::milliseconds operation_timeout)
    : address_(std::move(address)),
      connect_timeout_(connect_timeout),
      operation_timeout_(operation_timeout),
      addresses_(address_) {
  idle_.reserve(most);
}

RedisReply ConnectionPool::ask(std::span<const std::string_view> words) {
  const auto connected_by = Clock::now() + connect_timeout_;
  const Place place(*this, connected_by);
  try {
    Connection connection = idle();
    if (!connection) connection = opened(connected_by);
    RedisReply reply = connection->ask(words, Clock::now() + operation_timeout_);
    keep(std::move(connection));
    return reply;
  } catch (const RedisFailure&) {
    close_idle();  // they most likely go where this one went
    throw;
  }
}

void ConnectionPool::wait_for_place(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!free_.wait_until(lock, deadline, [this] { return in_use_ < most; }))
    throw RedisFailure(RedisFailure::Kind::busy, "all connections are in use");
  ++in_use_;
}

void ConnectionPool::leave_place() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    --in_use_;
  }
  free_.notify_one();
}

ConnectionPool::Connection ConnectionPool::idle() {
  for (;;) {
    Connection connection;
    {
      const std::scoped_lock lock(mutex_);
      if (idle_.empty()) return nullptr;
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
    if (connection->usable()) return connection;
  }
}

ConnectionPool::Connection ConnectionPool::opened(Clock::time_point deadline) {
  const auto addresses = addresses_.known_by(deadline);
  try {
    return std::make_unique<RedisConnection>(address_, addresses, deadline);
  } catch (const RedisFailure&) {
    addresses_.doubt();
    throw;
  }
}

void ConnectionPool::keep(Connection connection) {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < most) idle_.push_back(std::move(connection));
}

void ConnectionPool::close_idle() noexcept {
  std::vector<Connection> closing;
  const std::scoped_lock lock(mutex_);
  closing.swap(idle_);
}

}  // namespace mediscan::cache
