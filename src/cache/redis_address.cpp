#include "cache/redis_address.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>
#include <limits>
#include <mediscan/error.hpp>
#include <optional>

namespace mediscan::cache {
namespace {

constexpr std::string_view redis_scheme = "redis://";
constexpr std::string_view unix_scheme = "unix:";

[[noreturn]] void refuse(std::string_view what) {
  throw Error(ErrorCode::invalid_argument, Stage::argument, fmt::format("cache.redis: {}", what),
              "write redis://[[user]:password@]host[:port][/db] or unix:/path/to/socket");
}

template <class T>
T whole_number(std::string_view text, T least, std::string_view name) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < least)
    refuse(fmt::format("the {} is no whole number from {} to {}", name, least, std::numeric_limits<T>::max()));
  return value;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// "%40" is "@": a password may hold any byte.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) refuse("a % in user or password is not followed by two hexadecimal digits");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

void read_login(std::string_view login, RedisAddress& address) {
  const auto colon = login.find(':');
  if (colon == std::string_view::npos) refuse("there is an @ but no :password before it");
  address.user = percent_decoded(login.substr(0, colon));
  address.password = percent_decoded(login.substr(colon + 1));
  if (address.password.empty()) refuse("there is an @ but no :password before it");
}

void read_host(std::string_view text, RedisAddress& address) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) refuse("the [ of an IPv6 number has no ]");
    address.host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') refuse("after the ] comes neither :port nor /db");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (address.host.empty()) refuse("the host is missing");
  for (const char c : address.host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F' || c == '?' || c == '#')
      refuse("the host has a character that no host has");
  }
  if (port) address.port = whole_number<std::uint16_t>(*port, 1, "port");
}

RedisAddress of_socket(std::string_view path) {
  constexpr std::size_t room = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.starts_with('/')) refuse("the path after unix: is not absolute");
  if (path.size() > room) refuse(fmt::format("the path of a Unix socket is longer than {} bytes", room));
  if (path.find('\0') != std::string_view::npos) refuse("the path has a zero byte");
  RedisAddress address;
  address.socket = path;
  return address;
}

}  // namespace

std::string RedisAddress::described() const {
  if (!socket.empty()) return fmt::format("{}{}", unix_scheme, socket);
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

RedisAddress redis_address(std::string_view text) {
  if (text.starts_with(unix_scheme)) return of_socket(text.substr(unix_scheme.size()));
  if (!text.starts_with(redis_scheme)) refuse("it begins with neither redis:// nor unix:");
  text.remove_prefix(redis_scheme.size());
  RedisAddress address;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    read_login(text.substr(0, at), address);
    text.remove_prefix(at + 1);
  }
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const auto database = text.substr(slash + 1);
    if (!database.empty()) address.database = whole_number<std::uint32_t>(database, 0, "database");
    text = text.substr(0, slash);
  }
  read_host(text, address);
  return address;
}

}  // namespace mediscan::cache
