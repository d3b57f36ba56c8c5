// What the C ABI costs over the C++ call it makes, for calls that wait and for jobs: the same picture and the same mock
// model by both, interleaved, the medians' difference. One line of JSON on standard output.
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

/// The same by both APIs, round after round. Each goes first every other time; neighbours are compared, since the
/// machine drifts.
struct Comparison {
  std::vector<double> by_cpp;
  std::vector<double> by_c;
  std::vector<double> differences;

  template <class Cpp, class C>
  void measure(bool cpp_first, Cpp&& cpp, C&& c) {
    if (cpp_first) by_cpp.push_back(microseconds(cpp));
    by_c.push_back(microseconds(c));
    if (!cpp_first) by_cpp.push_back(microseconds(cpp));
    differences.push_back(by_c.back() - by_cpp.back());
  }
};

void analyze_by_c(const Caller& caller) {
  mediscan_result* result = nullptr;
  must(mediscan_analyze(caller.model, caller.image, nullptr, &result, nullptr));
  must(mediscan_result_release(result));
}

void submit_by_c(const Caller& caller) {
  mediscan_job* job = nullptr;
  mediscan_result* result = nullptr;
  must(mediscan_submit(caller.model, caller.image, nullptr, &job, nullptr));
  must(mediscan_job_wait(job, MEDISCAN_FOREVER, nullptr, nullptr));
  must(mediscan_job_result(job, &result, nullptr));
  must(mediscan_result_release(result));
  must(mediscan_job_release(job));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 4000;
  mediscan::LoadOptions options;
  options.backend = "mock";
  const mediscan::Analyzer analyzer(mediscan::ModelManager::shared().load(argv[1], options));
  const mediscan::Image image = mediscan::Image::read(argv[2]);
  const Caller caller(argv[1], argv[2]);
  Comparison waiting;
  Comparison jobs;
  std::vector<double> retain_release;
  for (int i = 0; i < rounds; ++i) {
    const bool cpp_first = i % 2 == 0;
    waiting.measure(
        cpp_first, [&] { static_cast<void>(analyzer.analyze(image)); }, [&] { analyze_by_c(caller); });
    jobs.measure(
        cpp_first, [&] { static_cast<void>(analyzer.submit(image).outcome()); }, [&] { submit_by_c(caller); });
    // A call that does nothing but look a handle up, a thousand times: the clock is too coarse for one.
    retain_release.push_back(microseconds([&] {
                               for (int k = 0; k < 1000; ++k) {
                                 mediscan_image_retain(caller.image);
                                 mediscan_image_release(caller.image);
                               }
                             }) /
                             1000);
  }
  std::printf(
      "{\"cpp_us\": %.3f, \"c_us\": %.3f, \"overhead_us\": %.3f, \"retain_release_us\": %.4f, "
      "\"cpp_job_us\": %.3f, \"c_job_us\": %.3f, \"job_overhead_us\": %.3f}\n",
      median(waiting.by_cpp), median(waiting.by_c), median(waiting.differences), median(retain_release),
      median(jobs.by_cpp), median(jobs.by_c), median(jobs.differences));
  return 0;
}
