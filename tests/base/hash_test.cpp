// SHA-256 against the vectors of NIST's FIPS 180-2 (appendix B) and the CAVP's message of length zero.
#include "base/hash.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using mediscan::base::sha256_hex;

TEST_CASE("SHA-256 gives NIST's published digests") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("bytes and text of the same content have the same digest") {
  const std::vector<std::byte> bytes{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  CHECK(sha256_hex(bytes) == sha256_hex("abc"));
  CHECK(sha256_hex(std::vector<std::byte>{}) == sha256_hex(""));
}
