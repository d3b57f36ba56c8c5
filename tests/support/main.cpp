// The doctest runner that every test program shares.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>

/// What this user has tuned is no matter of the tests'.
static const int no_profile = ::setenv("MEDISCAN_PROFILE", "off", 1);
