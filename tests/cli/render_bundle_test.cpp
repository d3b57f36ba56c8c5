#include "cli/render_bundle.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::contains;
using test::plain;

namespace {

Bundle skin_bundle() {
  Bundle bundle;
  bundle.directory = "models/skin";
  bundle.manifest_sha256 = "c0ffee";
  bundle.name = "skin";
  bundle.version = "1.0.0";
  bundle.domain = Domain::skin;
  bundle.architecture.name = "resnet";
  bundle.architecture.block = "basic";
  bundle.architecture.layers = {1, 1, 1, 1};
  bundle.architecture.outputs = 2;
  bundle.weights = {{"model.safetensors", "safetensors", "abc"}};
  bundle.input.resize = ResizeStep{};
  bundle.input.crop = CropStep{};
  bundle.labels = {{"mel", "melanoma", "93655004", true, true, {}},
                   {"x", "never seen", std::nullopt, false, std::nullopt, {}}};
  bundle.self_test = {"self_test.png", {1.0F, 2.0F}, 1e-3};
  bundle.card = {"demonstration", "generated pictures", "first line\nsecond line", "Apache-2.0",
                 "for demonstration only"};
  bundle.extensions = {{"x-site", "{\"id\":7}"}};
  return bundle;
}

}  // namespace

TEST_CASE("a bundle that allows lower precisions says which and how far they may be off") {
  Bundle bundle = skin_bundle();
  CHECK_FALSE(contains(render_bundle(bundle, {}, plain), "Below fp32"));
  bundle.precision = PrecisionSpec{{"bf16", "int8"}, 0.02};
  CHECK(contains(render_bundle(bundle, {}, plain),
                 "Below fp32 it allows bf16, int8, with the same decisions and each probability"));
}

TEST_CASE("every step of a recipe is a sentence") {
  PreprocessSpec spec;
  spec.color = ColorMode::gray;
  spec.thumbnail = ThumbnailStep{1024, Filter::lanczos, 2.0};
  spec.square_crop = true;
  spec.resize = ResizeStep{ResizeStep::Mode::exact, 0, 224, 192, Filter::bicubic, ResizeStep::Arithmetic::float32};
  spec.crop = CropStep{200, 100};
  spec.scale = Scale::xrv;
  spec.mean = {0.5F};
  spec.std = {0.25F};
  const std::string shrink =
      "Shrink a picture larger than 1024 x 1024 to fit into it, Lanczos filter, after a box reduction that leaves at "
      "least 2 times that size.";
  const std::string resize =
      "Resize: to exactly 192 x 224 (width x height), the aspect ratio is not kept; bicubic filter, in floating point, "
      "not rounded to whole values.";
  CHECK(recipe_steps(spec) ==
        std::vector<std::string>{
            "Colour: grey; RGB becomes Pillow's luminance \"L\".",
            shrink,
            "Crop the centre square, as large as the shorter side.",
            resize,
            "Crop the centre to 100 x 200 (width x height); a smaller picture is padded with zeros.",
            "Scale to -1024 to 1024: (2 x value / largest value - 1) x 1024.",
            "Normalise each channel: subtract 0.5, then divide by 0.25.",
            "Hand over as float32, channel by channel (NCHW).",
        });
}

TEST_CASE("steps that a recipe does not have are not mentioned") {
  CHECK(recipe_steps({}) == std::vector<std::string>{
                                "Colour: RGB; a grey picture is repeated over the three channels.",
                                "Scale to 0 to 1: value / largest value.",
                                "Hand over as float32, channel by channel (NCHW).",
                            });
}

TEST_CASE("a bundle is described from its name to its extensions") {
  const std::string text = render_bundle(skin_bundle(), {{"model.safetensors", 2048, std::nullopt}}, plain);
  CHECK(contains(text, "skin 1.0.0\n"));
  CHECK(contains(text, "  architecture  resnet, basic blocks, layers 1-1-1-1, 3 channels in, 2 outputs\n"));
  CHECK(contains(text, "  input         3 x 224 x 224 (channels x height x width)\n"));
  CHECK(contains(text, "   0  mel  melanoma    malignant, SNOMED CT 93655004\n"));
  CHECK(contains(text, "   1  x    never seen  not available (never trained)\n"));
  CHECK(contains(text, "  model.safetensors, safetensors, 2.0 KiB\n"));
  CHECK(contains(text, "    check     the file has this hash\n"));
  CHECK(contains(text, "self_test.png must give its 2 stored logits, each within 0.001 at fp32."));
  CHECK(contains(text, "  limitations   first line\n                second line\n"));
  CHECK(contains(text, "  warning       for demonstration only\n"));
  CHECK(contains(text, "  x-site        {\"id\":7}\n"));
}

TEST_CASE("what the probabilities mean is said in words") {
  Bundle bundle = skin_bundle();
  const auto said = [&](Activation activation) {
    bundle.output.activation = activation;
    return render_bundle(bundle, {}, Style{false, true, 120});
  };
  CHECK(contains(said(Activation::softmax), "the probabilities of all labels sum to 1"));
  CHECK(contains(said(Activation::sigmoid), "sigmoid: each label by itself"));
  CHECK(contains(said(Activation::sigmoid_operating_point), "its operating point stands at 50 %"));
}

TEST_CASE("weights of another hash are said to be") {
  const std::string text =
      render_bundle(skin_bundle(), {{"model.safetensors", std::nullopt, "SHA-256 is 00, expected abc"}}, plain);
  CHECK(contains(text, "    check     SHA-256 is 00, expected abc\n"));
  CHECK_FALSE(contains(text, "the file has this hash"));
}

TEST_CASE("a bundle's texts cannot drive the terminal") {
  Bundle bundle = skin_bundle();
  bundle.name = "n\x1b";
  bundle.labels[0].label = "l\x1b";
  bundle.card.limitations = "c\x1b";
  CHECK_FALSE(contains(render_bundle(bundle, {}, plain), "\x1b"));
}

}  // namespace mediscan::cli
