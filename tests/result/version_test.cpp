// The library knows the version it was built as.
#include <doctest/doctest.h>

#include <mediscan/result.hpp>

TEST_CASE("the version is the project's") { CHECK(mediscan::library_version() == MEDISCAN_PROJECT_VERSION); }
