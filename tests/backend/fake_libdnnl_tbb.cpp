// Stands for a oneDNN that was built for TBB: every function is there and does nothing but say so.
#include "backend/onednn/libdnnl.hpp"

namespace onednn = mediscan::backend::onednn;
using onednn::Argument;
using onednn::Enum;
using onednn::Status;
using onednn::Version;

#define dnnl_version another_dnnl_version
#define MEDISCAN_FAKE(major, minor, result, name, parameters) \
  extern "C" result name parameters { return {}; }
MEDISCAN_LIBDNNL_FUNCTIONS(MEDISCAN_FAKE)
#undef MEDISCAN_FAKE
#undef dnnl_version

extern "C" const Version* dnnl_version() {
  static const Version version{3, 9, 1, "", 4, 0};
  return &version;
}
