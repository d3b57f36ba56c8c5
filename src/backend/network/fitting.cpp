#include "backend/network/fitting.hpp"

#include <fmt/format.h>

namespace mediscan::backend {

void require_fitting(const Weights& weights, Precision precision) {
  if (weights.quantized() == (precision == Precision::int8)) return;
  if (precision == Precision::int8) {
    throw Error(ErrorCode::precision_unsupported, Stage::backend,
                "the weights of this bundle are floating-point numbers, int8 needs them quantised",
                "choose precision fp32, or load the bundle's quantised sibling");
  }
  throw Error(
      ErrorCode::precision_unsupported, Stage::backend,
      fmt::format("the weights of this bundle are quantised to int8 and cannot be computed in {}", name_of(precision)),
      "choose precision int8 or auto, or load the bundle that it was quantised from");
}

void refuse_architecture(const std::string& name) {
  throw Error(ErrorCode::unsupported, Stage::backend,
              fmt::format("there is no network for the architecture \"{}\"", name),
              "known are resnet18, resnet34, resnet50, resnet101, resnet152, resnet, densenet121, densenet161, "
              "densenet169, densenet201 and densenet; for another, register a backend of your own");
}

}  // namespace mediscan::backend
