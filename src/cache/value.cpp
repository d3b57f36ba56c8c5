#include "cache/value.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <mediscan/error.hpp>

#include "cache/stored_form.hpp"
#include "result/result_from_json.hpp"

namespace mediscan::cache {
namespace {

constexpr std::size_t seal_bytes = 32;  // of SHA-256
constexpr char authenticated = 'H';
constexpr char unauthenticated = 'C';

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: characters seen as bytes
}

}  // namespace

std::string ValueSeal::seal_of(std::string_view key, std::string_view content) const {
  const std::string sealed = fmt::format("{}:{}:{}{}", stored_form, key.size(), key, content);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const bool done = secret_.empty()
                        ? EVP_Digest(sealed.data(), sealed.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1
                        : HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes_of(sealed),
                               sealed.size(), digest.data(), &size) != nullptr;
  if (!done || size != seal_bytes) {
    throw Error(ErrorCode::internal, Stage::result, "OpenSSL could not compute a SHA-256 digest",
                "check that libcrypto offers SHA-256 (a restricted provider configuration?)");
  }
  return {digest.begin(), digest.begin() + seal_bytes};
}

std::string ValueSeal::sealed(std::string_view key, const Result& result) const {
  const std::string content = to_json(result);
  std::string value(stored_form);
  value += secret_.empty() ? unauthenticated : authenticated;
  value += seal_of(key, content);
  value += content;
  if (value.size() > most_value_bytes)
    throw Error(ErrorCode::internal, Stage::result,
                fmt::format("a result of {} bytes is too large to be kept", value.size()));
  return value;
}

std::optional<Result> ValueSeal::opened(std::string_view key, std::string_view value) const {
  constexpr std::size_t frame = stored_form.size() + 1 + seal_bytes;
  if (value.size() < frame || value.size() > most_value_bytes) return std::nullopt;
  if (!value.starts_with(stored_form)) return std::nullopt;
  if (value[stored_form.size()] != (secret_.empty() ? unauthenticated : authenticated)) return std::nullopt;
  const std::string_view seal = value.substr(stored_form.size() + 1, seal_bytes);
  const std::string_view content = value.substr(frame);
  const std::string expected = seal_of(key, content);
  if (CRYPTO_memcmp(seal.data(), expected.data(), seal_bytes) != 0) return std::nullopt;
  try {
    return result::result_from_json(content);
  } catch (const Error&) {  // well sealed, but of another shape
    return std::nullopt;
  }
}

}  // namespace mediscan::cache
