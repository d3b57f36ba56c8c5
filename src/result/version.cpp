// The version that stands in every record: the build's, so that it cannot be forgotten on a release.
#include <mediscan/result.hpp>

namespace mediscan {

std::string library_version() { return MEDISCAN_VERSION; }

}  // namespace mediscan
