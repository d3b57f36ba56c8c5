// A libcuda.so.1 that does what FAKE_CUDA says: "two" devices, "none", "broken" (does not start) or "hang".
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace {

bool is(std::string_view what) {
  const char* set = std::getenv("FAKE_CUDA");
  return set != nullptr && what == set;
}

}  // namespace

extern "C" {

int cuInit(unsigned int /*flags*/) {
  if (is("hang")) std::this_thread::sleep_for(std::chrono::hours(1));
  if (is("broken")) return 803;  // CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
  return is("none") ? 100 : 0;   // CUDA_ERROR_NO_DEVICE
}
int cuGetErrorString(int /*status*/, const char** text) {
  *text = "system has unsupported display driver / cuda driver combination";
  return 0;
}
int cuDriverGetVersion(int* version) {
  *version = 12080;
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = 2;
  return 0;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}
int cuDeviceGetName(char* name, int size, int device) {
  std::snprintf(name, static_cast<std::size_t>(size), "Fake GPU %d", device);
  return 0;
}
int cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  *bytes = (std::size_t{8} << 30U) << static_cast<unsigned>(device);
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  const int major = device == 0 ? 9 : 6;
  const int minor = device == 0 ? 0 : 1;
  *value = attribute == 75 ? major : minor;
  return 0;
}
}
