#include "cli/render_quantize.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::contains;
using test::plain;

namespace {

QuantizeReport report() {
  QuantizeReport report;
  report.directory = "skin-int8";
  report.source = {"skin-demo", "1.0.0", Domain::skin, "0123456789abcdef", "fedcba9876543210"};
  report.model = {"skin-demo", "1.0.0+int8", Domain::skin, "abcdef0123456789", "fedcba9876543210"};
  report.layers = {{"conv1", 0, 4.1, 0, 4, 41.26},
                   {"layer1.0.conv1", 0, 2, 0, 2, 30.1},
                   {"layer1.0.conv2", 0, 2, 0, 2, 33},
                   {"layer2.0.downsample.0", -1, 1, -1, 1, 35}};
  report.agreement = {120, 119, 0.0123, 0.001, 120, 119};
  report.self_test = {true, 0.004, 0.02};
  report.units = 8;
  report.source_weight_bytes = 1258291;
  report.weight_bytes = 330240;
  return report;
}

}  // namespace

TEST_CASE("a quantisation is told by what it gained and how far it agrees") {
  CHECK(render_quantize(report(), plain) ==
        R"(skin-int8
  model         skin-demo 1.0.0+int8 (abcdef01)
  from          skin-demo 1.0.0 (01234567)
  weights       322.5 KiB, before 1.2 MiB
  calibration   mse, 4 layers, 120 pictures
  agreement     119 of 120 pictures decided as at fp32; probabilities differ by
                0.012 at most, 0.001 on average
  self-test     passed, probabilities differ by 0.004 of 0.02 allowed
  kept in fp32  none of 8 units
  most noise    layer1.0.conv1 (30.1 dB), layer1.0.conv2 (33.0 dB),
                layer2.0.downsample.0 (35.0 dB)
  next          compare both bundles on pictures that were not among these, then
                load with precision int8
  research use only, not a medical device
)");
}

TEST_CASE("units that were kept in float32 are named with the harm that each does, and the reason") {
  QuantizeReport kept = report();
  kept.kept = {{"layer2.0", 0.534}, {"layer1.0", 0.0511}};
  CHECK(contains(render_quantize(kept, plain), R"(
  kept in fp32  2 of 8 units: layer2.0 (alone in int8 it moves logits by 0.53),
                layer1.0 (alone in int8 it moves logits by 0.051)
  most noise)"));
  kept.kept_because = "int8 decides 3 of 9 pictures as fp32 does";
  CHECK(contains(render_quantize(kept, plain), R"(by 0.051)
  since         int8 decides 3 of 9 pictures as fp32 does
)"));
}

TEST_CASE("of a model with many decisions about a picture it is told how many of them are alike") {
  QuantizeReport chest = report();
  chest.agreement = {120, 115, 0.0123, 0.001, 2160, 2155};
  CHECK(contains(render_quantize(chest, plain), "115 of 120 pictures decided as at fp32 (2155 of 2160 labels);"));
}

TEST_CASE("few pictures are remarked upon, many are not") {
  QuantizeReport few = report();
  few.agreement = {6, 6, 0.01, 0.001, 6, 6};
  CHECK(contains(render_quantize(few, plain), "note          so few pictures say little of others"));
  CHECK_FALSE(contains(render_quantize(report(), plain), "note"));
}

TEST_CASE("a folder's name and a bundle's words cannot reach the terminal") {
  QuantizeReport odd = report();
  odd.directory = "a\x1b[2J";
  odd.kept_because = "b\x1b[2J";
  CHECK(contains(render_quantize(odd, plain), "a\\x1b[2J"));
  CHECK(contains(render_quantize(odd, plain), "b\\x1b[2J"));
}

}  // namespace mediscan::cli
