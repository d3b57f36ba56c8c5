#include "cli/render_doctor.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::ascii;
using test::contains;
using test::plain;

namespace {

SystemReport machine(BackendInfo torch) {
  SystemReport report;
  report.library_version = "0.1.0";
  report.simd = "avx512";
  report.decoders = {"libjpeg-turbo 2.1.5", "libpng 1.6.39", "stb_image 2.30"};
  report.threads = 2;
  report.threads_source = "affinity";
  report.backends = {std::move(torch), {"mock", "0.1.0", true, true, "", {}, {}}};
  return report;
}

}  // namespace

TEST_CASE("a machine without LibTorch hears every place, its fault and what to do") {
  const auto report = machine({"torch",
                               "",
                               false,
                               false,
                               "no LibTorch was found",
                               {},
                               {{"/opt/torch/libtorch_cpu.so", false, "version 1.13 is older than 2.11"},
                                {"/usr/lib/libtorch_cpu.so", false, "missing"}}});
  const std::string text = render_doctor(report, plain);
  CHECK_FALSE(has_real_backend(report));
  CHECK(contains(text, "✗ Backend torch does not work: no LibTorch was found\n"));
  CHECK(contains(text, "    /opt/torch/libtorch_cpu.so\n      version 1.13 is older than 2.11\n"));
  CHECK(contains(text, "    /usr/lib/libtorch_cpu.so\n      missing\n"));
  CHECK(contains(text, "pip install torch"));
  CHECK(contains(text, "MEDISCAN_LIBTORCH"));
  CHECK(contains(text, "No real backend works here"));
}

TEST_CASE("a machine with LibTorch hears that all is well, and no remedy") {
  const auto report = machine({"torch",
                               "2.15.0",
                               true,
                               false,
                               "",
                               {{"cpu", true, "two Zen 4 cores", {"fp32"}}},
                               {{"/opt/torch/lib/libtorch_cpu.so", true, "2.15.0"}}});
  const std::string text = render_doctor(report, ascii);
  CHECK(has_real_backend(report));
  CHECK(contains(text, "[ok] Backend torch 2.15.0 works.\n"));
  CHECK(contains(text, "  Runs on cpu: two Zen 4 cores (fp32)\n"));
  CHECK(contains(text, "All is well"));
  CHECK_FALSE(contains(text, "pip install"));
}

TEST_CASE("a machine without oneDNN hears what it would be for") {
  auto report = machine({"torch", "2.15.0", true, false, "", {}, {}});
  report.backends.insert(
      report.backends.begin() + 1,
      {"onednn", "", false, false, "no oneDNN was found", {}, {{"/usr/lib", false, "does not exist"}}});
  const std::string text = render_doctor(report, plain);
  CHECK(contains(text, "Backend onednn does not work: no oneDNN was found\n"));
  CHECK(contains(text, "    /usr/lib\n      does not exist\n"));
  CHECK(contains(text, "onednn-cpu-gomp"));
  CHECK(contains(text, "MEDISCAN_ONEDNN"));
}

TEST_CASE("mock alone is no real backend") {
  SystemReport report = machine({"torch", "", false, false, "none", {}, {}});
  report.backends.erase(report.backends.begin());
  CHECK_FALSE(has_real_backend(report));
}

TEST_CASE("a build without libjpeg-turbo is told what that means") {
  auto report = machine({"torch", "2.15.0", true, false, "", {}, {}});
  report.decoders = {"stb_image 2.30"};
  CHECK(contains(render_doctor(report, plain), "This build lacks libjpeg-turbo and libpng."));
}

}  // namespace mediscan::cli
