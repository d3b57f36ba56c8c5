#include "cli/render_bundle.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

std::string_view name_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return "box";
    case Filter::bilinear:
      return "bilinear";
    case Filter::bicubic:
      return "bicubic";
    case Filter::lanczos:
      return "Lanczos";
  }
  return "unknown";
}

std::string_view rounding_of(ResizeStep::Arithmetic arithmetic) {
  switch (arithmetic) {
    case ResizeStep::Arithmetic::automatic:
      return "8-bit pictures rounded to whole values after each pass, as Pillow does";
    case ResizeStep::Arithmetic::uint8:
      return "rounded to whole values after each pass, 8-bit pictures only";
    case ResizeStep::Arithmetic::float32:
      return "in floating point, not rounded to whole values";
  }
  return "unknown";
}

std::string resize_sentence(const ResizeStep& step) {
  std::string what;
  switch (step.mode) {
    case ResizeStep::Mode::shorter:
      what = fmt::format("the shorter side becomes {}, the aspect ratio stays", step.size);
      break;
    case ResizeStep::Mode::longer:
      what = fmt::format("the longer side becomes {}, the aspect ratio stays", step.size);
      break;
    case ResizeStep::Mode::exact:
      what = fmt::format("to exactly {} x {} (width x height), the aspect ratio is not kept", step.width, step.height);
      break;
  }
  return fmt::format("Resize: {}; {} filter, {}.", what, name_of(step.filter), rounding_of(step.arithmetic));
}

std::string thumbnail_sentence(const ThumbnailStep& step) {
  std::string text = fmt::format("Shrink a picture larger than {0} x {0} to fit into it, {1} filter", step.max_side,
                                 name_of(step.filter));
  if (step.reducing_gap)
    text += fmt::format(", after a box reduction that leaves at least {} times that size", *step.reducing_gap);
  return text + '.';
}

std::string normalise_sentence(const PreprocessSpec& spec) {
  if (spec.mean.empty() && spec.std.empty()) return {};
  std::string text = "Normalise each channel:";
  if (!spec.mean.empty()) text += fmt::format(" subtract {}", fmt::join(spec.mean, ", "));
  if (!spec.std.empty())
    text += fmt::format("{} divide by {}", spec.mean.empty() ? "" : ", then", fmt::join(spec.std, ", "));
  return text + '.';
}

std::string architecture_text(const Architecture& architecture) {
  std::string text = architecture.name;
  if (architecture.block) text += fmt::format(", {} blocks", *architecture.block);
  if (!architecture.layers.empty()) text += fmt::format(", layers {}", fmt::join(architecture.layers, "-"));
  if (architecture.width) text += fmt::format(", width {}", *architecture.width);
  if (architecture.growth_rate) text += fmt::format(", growth rate {}", *architecture.growth_rate);
  if (architecture.init_features) text += fmt::format(", {} initial features", *architecture.init_features);
  if (architecture.bn_size) text += fmt::format(", bottleneck {}", *architecture.bn_size);
  return text + fmt::format(", {} channel{} in, {} outputs", architecture.in_channels,
                            architecture.in_channels == 1 ? "" : "s", architecture.outputs);
}

std::string activation_text(Activation activation) {
  switch (activation) {
    case Activation::softmax:
      return "softmax: the probabilities of all labels sum to 1";
    case Activation::sigmoid:
      return "sigmoid: each label by itself";
    case Activation::sigmoid_operating_point:
      return "sigmoid_operating_point: each label by itself, rescaled so that its operating point stands at 50 %";
  }
  return std::string(name_of(activation));
}

std::string output_text(const OutputSpec& output) {
  std::string text = activation_text(output.activation);
  if (output.temperature != 1.0) text += fmt::format(", logits divided by {} first", output.temperature);
  return text;
}

std::string heading(const Style& style, std::string_view text) { return '\n' + paint(style, Ink::bold, text) + '\n'; }

std::string label_notes(const Label& label) {
  if (!label.available) return "not available (never trained)";
  std::vector<std::string> notes;
  if (label.malignant) notes.emplace_back(*label.malignant ? "malignant" : "not malignant");
  for (const auto& point : label.operating_points)
    notes.push_back(fmt::format("{} {}", point.name, threshold(point.threshold)));
  if (label.snomed) notes.push_back("SNOMED CT " + *label.snomed);
  return fmt::format("{}", fmt::join(notes, ", "));
}

struct LabelColumns {
  std::size_t code = 0;
  std::size_t label = 0;
  bool one_line = true;  ///< every label fits one line with its notes; else all notes stand below their label
};

LabelColumns columns_of(const std::vector<Label>& labels, const Style& style) {
  LabelColumns columns;
  std::size_t notes = 0;
  for (const auto& label : labels) {
    columns.code = std::max(columns.code, display_width(escaped(label.code)));
    columns.label = std::max(columns.label, display_width(escaped(label.label)));
    notes = std::max(notes, display_width(escaped(label_notes(label))));
  }
  columns.one_line = 6 + columns.code + 2 + columns.label + 2 + notes <= style.width;
  return columns;
}

std::string labels_table(const std::vector<Label>& labels, const Style& style) {
  const LabelColumns columns = columns_of(labels, style);
  std::string text;
  for (std::size_t output = 0; output < labels.size(); ++output) {
    const auto& label = labels[output];
    const std::string notes = label_notes(label);
    const std::string name = escaped(label.label);
    text += fmt::format("  {:>2}  {}  ", output, padded(escaped(label.code), columns.code));
    text += paint(style, label.available ? Ink::plain : Ink::dim,
                  columns.one_line && !notes.empty() ? padded(name, columns.label) + "  " : name);
    if (columns.one_line) text += paint(style, Ink::dim, escaped(notes));
    text += '\n';
    if (!columns.one_line && !notes.empty()) text += paragraph(style, 6, notes, Ink::dim);
  }
  return text;
}

std::string weights_block(const Bundle& bundle, const std::vector<WeightsCheck>& checks, const Style& style) {
  std::string text;
  for (std::size_t i = 0; i < bundle.weights.size(); ++i) {
    const auto& file = bundle.weights[i];
    const WeightsCheck* check = i < checks.size() ? &checks[i] : nullptr;
    const std::string size = check != nullptr && check->bytes ? ", " + size_text(*check->bytes) : "";
    text += paragraph(style, 2, fmt::format("{}, {}{}", file.file, file.format, size));
    text += field(style, "sha256", file.sha256, Ink::plain, 4, 10);
    if (check == nullptr) continue;
    text += check->problem ? field(style, "check", *check->problem, Ink::red, 4, 10)
                           : field(style, "check", "the file has this hash", Ink::green, 4, 10);
  }
  return text;
}

/// A text of the card, whose line breaks are its author's.
std::string card_field(const Style& style, std::string_view name, std::string_view value, Ink ink = Ink::plain) {
  std::string text;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find('\n', at), value.size());
    text += field(style, at == 0 ? name : "", value.substr(at, end - at), ink);
    at = end + 1;
  }
  return text;
}

std::string card_block(const ModelCard& card, const Style& style) {
  std::string text;
  if (card.warning) text += card_field(style, "warning", *card.warning, Ink::yellow);
  text += card_field(style, "intended use", card.intended_use);
  text += card_field(style, "training data", card.training_data);
  text += card_field(style, "limitations", card.limitations);
  text += card_field(style, "license", card.license);
  return text;
}

}  // namespace

std::vector<std::string> recipe_steps(const PreprocessSpec& spec) {
  std::vector<std::string> steps;
  steps.emplace_back(spec.color == ColorMode::rgb ? "Colour: RGB; a grey picture is repeated over the three channels."
                                                  : "Colour: grey; RGB becomes Pillow's luminance \"L\".");
  if (spec.thumbnail) steps.push_back(thumbnail_sentence(*spec.thumbnail));
  if (spec.square_crop) steps.emplace_back("Crop the centre square, as large as the shorter side.");
  if (spec.resize) steps.push_back(resize_sentence(*spec.resize));
  if (spec.crop) {
    steps.push_back(fmt::format("Crop the centre to {} x {} (width x height); a smaller picture is padded with zeros.",
                                spec.crop->width, spec.crop->height));
  }
  steps.emplace_back(spec.scale == Scale::unit ? "Scale to 0 to 1: value / largest value."
                                               : "Scale to -1024 to 1024: (2 x value / largest value - 1) x 1024.");
  if (auto sentence = normalise_sentence(spec); !sentence.empty()) steps.push_back(std::move(sentence));
  steps.emplace_back(spec.layout == Layout::nchw ? "Hand over as float32, channel by channel (NCHW)."
                                                 : "Hand over as float32, pixel by pixel (NHWC).");
  return steps;
}

std::string render_bundle(const Bundle& bundle, const std::vector<WeightsCheck>& weights, const Style& style) {
  const auto [height, width] = bundle.input_size();
  std::string text =
      paint(style, Ink::bold, fmt::format("{} {}", escaped(bundle.name), escaped(bundle.version))) + '\n';
  text += field(style, "folder", bundle.directory.string());
  text += field(style, "domain", fmt::format("{}, {}", name_of(bundle.domain), name_of(bundle.task)));
  text += field(style, "architecture", architecture_text(bundle.architecture));
  text += field(style, "input",
                fmt::format("{} x {} x {} (channels x height x width)", bundle.input.channels(), height, width));
  text += field(style, "output", output_text(bundle.output));
  text += field(style, "manifest hash", bundle.manifest_sha256);

  text += heading(style, "What is done to a picture");
  const auto steps = recipe_steps(bundle.input);
  for (std::size_t i = 0; i < steps.size(); ++i)
    text += field(style, fmt::format("{}.", i + 1), steps[i], Ink::plain, 2, 3);

  text += heading(style, "Labels, in the order of the network's outputs");
  text += labels_table(bundle.labels, style);

  text += heading(style, "Weights");
  text += weights_block(bundle, weights, style);

  text += heading(style, "Self-test at every load");
  text += paragraph(style, 2,
                    fmt::format("{} must give its {} stored logits, each within {} at fp32.", bundle.self_test.input,
                                bundle.self_test.logits.size(), bundle.self_test.tolerance));
  if (bundle.precision) {
    text += paragraph(style, 2,
                      fmt::format("Below fp32 it allows {}, with the same decisions and each probability within {}.",
                                  fmt::join(bundle.precision->allowed, ", "), bundle.precision->probability_tolerance));
  }

  text += heading(style, "Model card");
  text += card_block(bundle.card, style);
  if (!bundle.extensions.empty()) text += heading(style, "Extensions");
  for (const auto& [name, json] : bundle.extensions) text += field(style, name, json);
  return text;
}

}  // namespace mediscan::cli
