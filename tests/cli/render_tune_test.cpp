#include "cli/render_tune.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::ascii;
using test::contains;
using test::plain;

namespace {

TuneReport report() {
  TuneReport report;
  report.directory = "models/skin-demo";
  report.model = {"skin-demo", "1.0.0", Domain::skin, "0123456789abcdef", "fedcba9876543210"};
  report.library_version = "0.1.0";
  report.cpu = "A CPU";
  report.cpu_features = {"avx2", "vnni"};
  report.threads = 2;
  report.threads_source = "affinity";
  report.made = "2026-01-31T12:00:00Z";
  report.seconds = 20.1;
  report.rounds = 5;
  report.goal = TuneGoal::throughput;
  const TuneConfiguration wide = {"torch", "2.15.0", false, "cpu", "fp32", 1, 2};
  const TuneConfiguration split = {"torch", "2.15.0", false, "cpu", "fp32", 2, 1};
  report.rows = {{wide, 1, 3.104, 322.2}, {wide, 8, 3.104, 355}, {split, 1, 5.5, 363.6}, {split, 8, 5.5, 420.04}};
  report.refused = {{{"torch", "2.15.0", false, "cpu", "bf16", 1, 2},
                     Error(ErrorCode::precision_unsupported, Stage::backend, "A CPU has no bf16")},
                    {{"other", "", false, "", "", 0, 0},
                     Error(ErrorCode::backend_unavailable, Stage::backend, "other: its library is missing")}};
  report.best_latency = 1;
  report.best_throughput = 3;
  report.profile = "/p.json";
  return report;
}

}  // namespace

TEST_CASE("a tuning is a table of what was measured, what does not serve, and what was chosen") {
  CHECK(render_tune(report(), false, plain) ==
        R"(skin-demo 1.0.0
  folder        models/skin-demo
  machine       A CPU (avx2, vnni), 2 threads (from affinity)
  library       MediScan 0.1.0
  measured      2026-01-31T12:00:00Z, the network alone, medians of 5 rounds in
                20.1 s

  backend         device  precision  lanes   batch  ms alone  pictures/s  best
  torch 2.15.0    cpu     fp32       1 x 2       1      3.10       322.2
  torch 2.15.0    cpu     fp32       1 x 2       8      3.10       355.0  latency
  torch 2.15.0    cpu     fp32       2 x 1       1      5.50       363.6
  torch 2.15.0    cpu     fp32       2 x 1       8      5.50       420.0  throughput

  does not serve  torch cpu bf16: A CPU has no bf16
  does not serve  other: its library is missing
  for latency     torch, fp32, 1 lane of 2 threads, batches of up to 8
  for throughput  torch, fp32, 2 lanes of 1 thread, batches of up to 8
  profile         /p.json, for throughput
  next            loads of this bundle on this machine go by it in what they
                  leave open; the precision with --precision auto
  research use only, not a medical device
)");
}

TEST_CASE("a row that is best for both says so") {
  TuneReport one = report();
  one.best_latency = one.best_throughput;
  CHECK(contains(render_tune(one, false, plain), "420.0  both\n"));
}

TEST_CASE("a profile in a place of one's own has to be named by who loads, and none is told as none") {
  CHECK(contains(render_tune(report(), true, plain), "load with --profile FILE, or let MEDISCAN_PROFILE name it"));
  TuneReport none = report();
  none.profile.clear();
  const std::string text = render_tune(none, false, plain);
  CHECK(contains(text, "  profile         none was written\n"));
  CHECK_FALSE(contains(text, "next"));
}

TEST_CASE("a machine that was busy is remarked upon") {
  TuneReport busy = report();
  CHECK_FALSE(contains(render_tune(busy, false, plain), "note"));
  busy.load_average = 3.5;
  CHECK(contains(render_tune(busy, false, plain), "other programs ran before this (load average 3.5)"));
}

TEST_CASE("names from outside cannot reach the terminal") {
  TuneReport odd = report();
  odd.model.name = "a\x1b[2J";
  odd.rows[0].configuration.backend = "b\x1b[2J";
  odd.rows[0].configuration.device = "c\x1b[2J";
  odd.refused[0].configuration.backend = "d\x1b[2J";
  const std::string text = render_tune(odd, false, ascii);
  CHECK_FALSE(contains(text, "\x1b"));
  CHECK(contains(text, "a\\x1b[2J"));
  CHECK(contains(text, "b\\x1b[2J"));
}

}  // namespace mediscan::cli
