// What the C ABI costs over the C++ call it makes: the same picture and the same mock model by both, interleaved, the
// medians' difference. One line of JSON on standard output.
//
// usage: mediscan_capi_overhead BUNDLE PICTURE [ROUNDS]
#include <mediscan/mediscan.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mediscan/mediscan.hpp>
#include <stdexcept>
#include <vector>

namespace {

void must(mediscan_status status) {
  if (status != MEDISCAN_OK) throw std::runtime_error(mediscan_status_name(status));
}

template <class Action>
double microseconds(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// The handles of one C caller.
struct Caller {
  mediscan_manager* manager = nullptr;
  mediscan_model* model = nullptr;
  mediscan_image* image = nullptr;

  Caller(const char* bundle, const char* picture) {
    mediscan_load_options options;
    mediscan_load_options_init(&options, sizeof options);
    options.backend = "mock";
    must(mediscan_manager_shared(&manager, nullptr));
    must(mediscan_model_load(manager, bundle, MEDISCAN_NUL, &options, &model, nullptr));
    must(mediscan_image_read(picture, MEDISCAN_NUL, nullptr, &image, nullptr));
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() {
    mediscan_image_release(image);
    mediscan_model_release(model);
    mediscan_manager_release(manager);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 4000;
  mediscan::LoadOptions options;
  options.backend = "mock";
  const mediscan::Analyzer analyzer(mediscan::ModelManager::shared().load(argv[1], options));
  const mediscan::Image image = mediscan::Image::read(argv[2]);
  const Caller caller(argv[1], argv[2]);
  std::vector<double> by_cpp;
  std::vector<double> by_c;
  std::vector<double> retain_release;
  std::vector<double> differences;
  for (int i = 0; i < rounds; ++i) {
    const auto cpp = [&] { by_cpp.push_back(microseconds([&] { static_cast<void>(analyzer.analyze(image)); })); };
    const auto c = [&] {
      by_c.push_back(microseconds([&] {
        mediscan_result* result = nullptr;
        must(mediscan_analyze(caller.model, caller.image, nullptr, &result, nullptr));
        must(mediscan_result_release(result));
      }));
    };
    // Each goes first every other time; neighbours are compared, since the machine drifts.
    if (i % 2 == 0) {
      cpp();
      c();
    } else {
      c();
      cpp();
    }
    differences.push_back(by_c.back() - by_cpp.back());
    // A call that does nothing but look a handle up, a thousand times: the clock is too coarse for one.
    retain_release.push_back(microseconds([&] {
                               for (int k = 0; k < 1000; ++k) {
                                 mediscan_image_retain(caller.image);
                                 mediscan_image_release(caller.image);
                               }
                             }) /
                             1000);
  }
  std::printf("{\"cpp_us\": %.3f, \"c_us\": %.3f, \"overhead_us\": %.3f, \"retain_release_us\": %.4f}\n",
              median(by_cpp), median(by_c), median(differences), median(retain_release));
  return 0;
}
