// A snapshot of the metrics as JSON.
#include <doctest/doctest.h>

#include <limits>
#include <mediscan/metrics.hpp>
#include <nlohmann/json.hpp>

using namespace mediscan;
using nlohmann::ordered_json;

TEST_CASE("a snapshot has the promised fields in the promised order") {
  MetricsSnapshot snapshot;
  ModelMetrics model;
  model.model = "skin-demo";
  model.submitted = 10;
  model.succeeded = 6;
  model.errors = {{"CORRUPT_IMAGE", 1}, {"OVERLOADED", 2}};
  model.in_flight = 3;
  model.queued = 2;
  model.memory_bytes = 1000;
  model.loads = 1;
  model.load_failures = 4;
  model.swaps = 5;
  model.rollbacks = 7;
  model.evictions = 8;
  model.decode_seconds = {{0.5, 1}, {2, 2, 0}, 4, 2.5};
  model.batch_size = {{1, 2}, {1, 0, 1}, 2, 9};
  snapshot.models = {model};
  snapshot.cache = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, true};
  snapshot.process = {5000, 12, 3};
  snapshot.gpus = {{"0", "NVIDIA H100", 0.25, 2, 80}};
  const std::string none = R"({"count":0,"sum":0.0,"bounds":[],"counts":[],"p50":0.0,"p90":0.0,"p99":0.0})";
  CHECK(
      to_json(snapshot) ==
      R"({"models":[{"model":"skin-demo","submitted":10,"succeeded":6,"errors":{"CORRUPT_IMAGE":1,"OVERLOADED":2},)"
      R"("in_flight":3,"queued":2,"memory_bytes":1000,"loads":1,"load_failures":4,"swaps":5,"rollbacks":7,"evictions":8,)"
      R"("seconds":{"decode":{"count":4,"sum":2.5,"bounds":[0.5,1.0],"counts":[2,2,0],"p50":0.5,"p90":0.9,"p99":0.99},)"
      R"("preprocess":)" +
          none + R"(,"queue":)" + none + R"(,"inference":)" + none + R"(,"postprocess":)" + none + R"(,"total":)" +
          none +
          R"(},"batch_size":{"count":2,"sum":9.0,"bounds":[1.0,2.0],"counts":[1,0,1]}}],)"
          R"("cache":{"memory":{"hits":1,"misses":2,"evictions":3,"bytes":4},)"
          R"("redis":{"hits":5,"misses":6,"errors":7,"refused":8,"skipped":9,"dropped":10,"open":true}},)"
          R"("process":{"resident_bytes":5000,"open_files":12,"threads":3},)"
          R"("gpus":[{"gpu":"0","name":"NVIDIA H100","utilization":0.25,"memory_used_bytes":2,"memory_total_bytes":80}]})");
}

TEST_CASE("a snapshot of nothing has empty lists, and a model without errors an empty object") {
  MetricsSnapshot snapshot;
  auto json = ordered_json::parse(to_json(snapshot));
  CHECK(json["models"].dump() == "[]");
  CHECK(json["gpus"].dump() == "[]");
  snapshot.models.resize(1);
  json = ordered_json::parse(to_json(snapshot));
  CHECK(json["models"][0]["errors"].dump() == "{}");
}

TEST_CASE("a number of the metrics that is not finite is null") {
  MetricsSnapshot snapshot;
  snapshot.models.resize(1);
  snapshot.models[0].total_seconds = {{1}, {1, 0}, 1, std::numeric_limits<double>::infinity()};
  snapshot.gpus = {{"0", "", std::numeric_limits<double>::quiet_NaN(), 0, 0}};
  const auto json = ordered_json::parse(to_json(snapshot));
  CHECK(json["models"][0]["seconds"]["total"]["sum"].is_null());
  CHECK(json["gpus"][0]["utilization"].is_null());
}
