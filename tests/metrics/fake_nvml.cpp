// Looks like NVIDIA's libnvidia-ml.so.1 from outside: two GPUs, and switches by which a test makes its calls fail or
// hang. With FAKE_NVML_INCOMPLETE it lacks a function, as a much older one might.
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

extern "C" {

std::atomic<int> fake_nvml_opened{0};
std::atomic<bool> fake_nvml_hangs{false};
/// Index of a GPU that answers NVML_ERROR_NOT_SUPPORTED (3) to the question for its utilisation, as MIG instances do.
std::atomic<unsigned int> fake_nvml_unsupported{99};
std::atomic<int> fake_nvml_count_status{0};
std::atomic<int> fake_nvml_init_status{0};

int nvmlInit_v2() {
  ++fake_nvml_opened;
  return fake_nvml_init_status;
}

int nvmlDeviceGetCount_v2(unsigned int* count) {
  while (fake_nvml_hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  *count = 2;
  return fake_nvml_count_status;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  static int devices[2] = {0, 1};
  *device = &devices[index];
  return 0;
}

int nvmlDeviceGetName(void* device, char* name, unsigned int length) {
  const char* const text = *static_cast<int*>(device) == 0 ? "NVIDIA H100 80GB HBM3" : "Tesla \"T4\"";
  std::strncpy(name, text, length);
  return 0;
}

int nvmlDeviceGetUtilizationRates(void* device, unsigned int* gpu_and_memory) {
  const auto index = static_cast<unsigned int>(*static_cast<int*>(device));
  gpu_and_memory[0] = index == 0 ? 37 : 100;
  gpu_and_memory[1] = 5;
  return index == fake_nvml_unsupported ? 3 : 0;
}

#ifndef FAKE_NVML_INCOMPLETE
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* total_free_used) {
  const auto gigabytes = *static_cast<int*>(device) == 0 ? 80ULL : 16ULL;
  total_free_used[0] = gigabytes << 30U;
  total_free_used[1] = (gigabytes - 2) << 30U;
  total_free_used[2] = 2ULL << 30U;
  return 0;
}
#endif
}
