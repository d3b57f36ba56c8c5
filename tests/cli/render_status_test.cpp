#include "cli/render_status.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::contains;
using test::plain;

TEST_CASE("the system is shown with every backend and why one is not available") {
  SystemReport report;
  report.library_version = "0.1.0";
  report.simd = "avx2";
  report.decoders = {"libjpeg-turbo 2.1.5", "stb_image 2.30"};
  report.threads = 2;
  report.threads_source = "cgroup quota";
  report.resident_bytes = 3ULL << 20;
  report.backends = {{"torch", "", false, false, "no LibTorch was found", {}, {}},
                     {"mock", "0.1.0", true, true, "", {{"cpu", true, "", {"fp32"}}}, {}}};
  CHECK(render_system(report, plain) ==
        R"(MediScan 0.1.0
  decoders      libjpeg-turbo 2.1.5, stb_image 2.30
  resizer       avx2
  threads       2 (from cgroup quota)
  memory        3.0 MiB resident

Backends
  torch         not available: no LibTorch was found
  mock 0.1.0    simulated scores, only when asked for
    cpu         fp32
)");
}

TEST_CASE("a ready model shows what it runs on and how its self-test went") {
  ModelStatus status;
  status.state = ModelState::ready;
  status.directory = "models/skin";
  status.model = {"skin", "1.0.0", Domain::skin, "abcd", "ef01"};
  status.execution = {"torch", "2.15.0", "cpu", "fp32", 8, false, false, std::nullopt, std::nullopt, std::nullopt};
  status.self_test = {true, 1.5e-6, 1e-3};
  status.lanes = 2;
  status.threads = 1;
  status.load_ms = 412;
  CHECK(render_model(status, plain) ==
        R"(skin 1.0.0
  state         READY
  folder        models/skin
  domain        skin
  weights hash  abcd
  runs on       torch 2.15.0 · cpu · fp32 · 2 lanes of 1 thread · batches of up
                to 8
  self-test     passed, largest difference 1.5e-06 of 0.001 allowed
  loaded in     412 ms
)");
}

TEST_CASE("a model that left a precision shows which and why") {
  ModelStatus status;
  status.state = ModelState::ready;
  status.execution.precision_reason = "bf16: this CPU has none";
  CHECK(contains(render_model(status, plain), "  not faster    bf16: this CPU has none\n"));
}

TEST_CASE("a model shows what a profile chose and where that is, or why one was not used") {
  ModelStatus status;
  status.state = ModelState::ready;
  status.execution.profile_reason = "2 lanes of 1 thread from profile p.json";
  status.profile = "/c/p.json";
  status.warnings = {{"PROFILE_IGNORED", "the profile is not used: q.json: it is old"}};
  const std::string text = render_model(status, plain);
  CHECK(contains(text, "  chosen        2 lanes of 1 thread from profile p.json\n  profile       /c/p.json\n"));
  CHECK(contains(text, "  warning       the profile is not used: q.json: it is old\n"));
}

TEST_CASE("a simulated model says so and claims no self-test") {
  ModelStatus status;
  status.state = ModelState::ready;
  status.execution.simulated = true;
  status.execution.fallback_reason = "no LibTorch";
  const std::string text = render_model(status, plain);
  CHECK(contains(text, "*** SIMULATED ***"));
  CHECK(contains(text, "  why           no LibTorch\n"));
  CHECK(contains(text, "not run: scores are simulated"));
}

TEST_CASE("a failed model shows its reason and nothing it does not have") {
  ModelStatus status;
  status.state = ModelState::failed;
  status.directory = "models/none";
  status.reason = "models/none: No such file or directory (NOT_FOUND)";
  CHECK(render_model(status, plain) ==
        "models/none\n"
        "  state         FAILED\n"
        "  reason        models/none: No such file or directory (NOT_FOUND)\n"
        "  folder        models/none\n");
}

}  // namespace mediscan::cli
