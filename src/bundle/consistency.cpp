// One function a pair of fields that must agree.
#include "bundle/consistency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mediscan::bundle {
namespace {

constexpr std::array<std::string_view, 9> complete_names{"resnet18",    "resnet34",    "resnet50",
                                                         "resnet101",   "resnet152",   "densenet121",
                                                         "densenet161", "densenet169", "densenet201"};

void require(const JsonReader& architecture, std::string_view field, std::string_view expected) {
  if (!architecture.field(field).present()) architecture.field(field).fail(expected);
}

void forbid(const JsonReader& architecture, std::initializer_list<std::string_view> fields, std::string_view name) {
  for (const auto field : fields) {
    if (!architecture.field(field).present()) continue;
    architecture.field(field).fail(fmt::format("no such field for the architecture \"{}\"", name));
  }
}

void check_resnet(const JsonReader& architecture) {
  (void)architecture.field("block").name_among({"basic", "bottleneck"});
  (void)architecture.field("layers").elements(4, 4);  // the readers are not needed: the count is
  require(architecture, "width", "a whole number (channels of the stem)");
  forbid(architecture, {"growth_rate", "init_features", "bn_size"}, "resnet");
}

void check_densenet(const JsonReader& architecture) {
  require(architecture, "growth_rate", "a whole number (channels each dense layer adds)");
  require(architecture, "layers", "an array of whole numbers (dense layers of each block)");
  require(architecture, "init_features", "a whole number (channels of the stem)");
  forbid(architecture, {"block", "width"}, "densenet");
}

/// Names that are none of ours may be those of a backend of the user's: their fields are its own matter.
void check_architecture(const Architecture& architecture, const JsonReader& reader) {
  if (architecture.name == "resnet") return check_resnet(reader);
  if (architecture.name == "densenet") return check_densenet(reader);
  if (std::find(complete_names.begin(), complete_names.end(), architecture.name) != complete_names.end()) {
    forbid(reader, {"block", "layers", "width", "growth_rate", "init_features", "bn_size"}, architecture.name);
  }
}

void check_channels(const Bundle& bundle, const JsonReader& root) {
  if (bundle.architecture.in_channels == bundle.input.channels()) return;
  const JsonReader color = root.field("input").field("color");
  root.field("architecture")
      .field("in_channels")
      .fail(fmt::format("{} (the channels of {} {})", bundle.input.channels(), color.path(), color.value().dump()));
}

void check_count(const JsonReader& array, std::size_t count, std::size_t outputs) {
  if (count == outputs) return;
  array.fail(fmt::format("{} ($.architecture.outputs)", outputs));
}

void check_activation(const Bundle& bundle, const JsonReader& root) {
  const bool softmax = bundle.output.activation == Activation::softmax;
  const JsonReader reader = root.field("output").field("activation");
  if (bundle.task == Task::multiclass && !softmax) reader.fail("\"softmax\" for $.task \"multiclass\"");
  if (bundle.task == Task::multilabel && softmax) {
    reader.fail("\"sigmoid\" or \"sigmoid_operating_point\" for $.task \"multilabel\"");
  }
}

void check_operating_points(const Bundle& bundle, const JsonReader& root) {
  if (bundle.output.activation != Activation::sigmoid_operating_point) return;
  for (std::size_t i = 0; i < bundle.labels.size(); ++i) {
    if (!bundle.labels[i].available || !bundle.labels[i].operating_points.empty()) continue;
    const std::string label = child_path("$.labels", i);
    throw_invalid(root.document(), child_path(label, "operating_points"), "missing or empty",
                  "at least one for an available label, since $.output.activation is \"sigmoid_operating_point\"");
  }
}

void check_some_label_available(const Bundle& bundle, const JsonReader& root) {
  const auto available = [](const Label& label) { return label.available; };
  if (std::any_of(bundle.labels.begin(), bundle.labels.end(), available)) return;
  root.field("labels").fail_found("a list without an available label", "at least one label with \"available\": true");
}

}  // namespace

void check_consistency(const Bundle& bundle, const JsonReader& root) {
  check_architecture(bundle.architecture, root.field("architecture"));
  check_channels(bundle, root);
  check_count(root.field("labels"), bundle.labels.size(), bundle.architecture.outputs);
  check_count(root.field("self_test").field("logits"), bundle.self_test.logits.size(), bundle.architecture.outputs);
  check_activation(bundle, root);
  check_operating_points(bundle, root);
  check_some_label_available(bundle, root);
}

}  // namespace mediscan::bundle
