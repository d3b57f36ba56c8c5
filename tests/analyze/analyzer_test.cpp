#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <mediscan/analyzer.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>
#include <utility>

#include "base/file.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"
#include "pictures.hpp"
#include "preprocess/normalize.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

using test::error_of;

struct Fixture {
  explicit Fixture(test::BundleContent content = {}, int max_batch = 4) {
    test::write_bundle(folder.path(), content);
    LoadOptions options;
    options.backend = "analyzer";
    options.max_batch = max_batch;
    model = std::make_unique<Model>(manager.load(folder.path(), options));
    script->batches.clear();
  }

  [[nodiscard]] std::vector<Image> pictures(unsigned count) const {
    std::vector<Image> images;
    for (unsigned i = 0; i < count; ++i) {
      const auto path = folder.path() / ("picture" + std::to_string(i) + ".png");
      test::write_png(path, 9 + i, 7, i);
      images.push_back(Image::read(path));
    }
    return images;
  }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("analyzer");
  ModelManager manager;
  std::unique_ptr<Model> model;
};

/// A network that throws at a batch with an all-black picture in it.
void fail_when_dark(const BatchInput& input, const BatchOutput& output, const std::vector<float>& logits) {
  const std::size_t size = std::size_t{input.channels} * input.height * input.width;
  for (std::uint32_t row = 0; row < input.batch; ++row) {
    const float* tensor = input.data + row * size;
    if (std::all_of(tensor, tensor + size, [](float v) { return v == 0; })) throw std::runtime_error("black picture");
    std::copy(logits.begin(), logits.end(), output.logits + std::size_t{row} * output.outputs);
  }
}

Image black_picture(const char* name) {
  const std::vector<std::uint8_t> pixels(std::size_t{8} * 8 * 3);
  return Image::from_pixels({pixels.data(), 8, 8, 3, 8, 0}, name);
}

TEST_CASE("one picture in, its record out") {
  const Fixture fixture;
  const Image image = fixture.pictures(1).front();
  const Result result = Analyzer(*fixture.model).analyze(image);
  CHECK(result.input.name == "picture0.png");
  CHECK(result.execution.backend == "analyzer");
  CHECK(result.execution.batch_size == 1);
  CHECK_FALSE(result.execution.simulated);
  CHECK(result.findings.front().code == "nv");
  REQUIRE(result.summary.skin.has_value());
  CHECK(result.summary.skin->top_code == "nv");
}

TEST_CASE("bytes are decoded and analysed as the picture they hold") {
  const Fixture fixture;
  const auto bytes = base::read_file(fixture.folder.path() / "self_test.png", 1 << 20, "max_file_bytes", Stage::decode);
  const Analyzer analyzer(*fixture.model);
  const Result from_bytes = analyzer.analyze(bytes, {.name = "upload.png"});
  const Result from_file = analyzer.analyze(Image::read(fixture.folder.path() / "self_test.png"));
  CHECK(from_bytes.input.name == "upload.png");
  CHECK(from_bytes.input.sha256 == from_file.input.sha256);
  const Error error = error_of([&] { (void)analyzer.analyze(std::span(bytes).first(40), {.name = "upload.png"}); });
  CHECK(error.stage() == Stage::decode);
  CHECK(test::contains(error.message(), "upload.png"));
}

/// A model whose recipe reads the middle of a picture, and the tensors it was given.
struct CroppingFixture {
  explicit CroppingFixture(int shorter_side = 64) {
    test::write_bundle(folder.path());
    const auto manifest = folder.path() / "mediscan.json";
    auto json = nlohmann::json::parse(std::ifstream(manifest));
    json["input"]["resize"] = {{"mode", "shorter"}, {"size", shorter_side}, {"filter", "bilinear"}};
    json["input"]["crop"] = {40, 40};
    std::ofstream(manifest) << json;
    LoadOptions options;
    options.backend = "cropping";
    model = std::make_unique<Model>(manager.load(folder.path(), options));
    script->run = [this](const BatchInput& in, const BatchOutput& out) {
      tensor.assign(in.data, in.data + std::size_t{in.channels} * in.height * in.width);
      std::copy(script->logits.begin(), script->logits.end(), out.logits);
    };
  }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("cropping");
  ModelManager manager;
  std::unique_ptr<Model> model;
  std::vector<float> tensor;
};

TEST_CASE("bytes, of which only what the recipe reads is decoded, give the record and tensor of the whole picture") {
  CroppingFixture fixture;
  const Analyzer analyzer(*fixture.model);
  int pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MEDISCAN_SOURCE_DIR "/examples/images")) {
    const auto extension = entry.path().extension();
    if (extension != ".jpg" && extension != ".png") continue;
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const auto bytes = base::read_file(entry.path(), 1U << 26U, "max_file_bytes", Stage::decode);
    const Result whole = analyzer.analyze(Image::decode(bytes, {}, name));
    const auto expected = std::exchange(fixture.tensor, {});
    const Result part = analyzer.analyze(bytes, {.name = name});
    CHECK(fixture.tensor == expected);
    CHECK(part.input.name == whole.input.name);
    CHECK(part.input.sha256 == whole.input.sha256);
    CHECK(part.input.format == whole.input.format);
    CHECK(part.input.width == whole.input.width);
    CHECK(part.input.height == whole.input.height);
    CHECK(part.input.bits == whole.input.bits);
    CHECK(part.warnings == whole.warnings);
    CHECK(part.preprocess_sha256 == whole.preprocess_sha256);
    ++pictures;
  }
  CHECK(pictures >= 4);
}

/// A model whose sessions take samples, and what its last batch was given, as tensors.
struct SamplesFixture {
  SamplesFixture() {
    test::write_bundle(folder.path());
    script->takes_samples = true;
    script->run = [this](const BatchInput& in, const BatchOutput& out) {
      came_as_samples = in.samples != nullptr;
      CHECK(came_as_samples == (in.data == nullptr));
      const std::size_t picture = std::size_t{in.channels} * in.height * in.width;
      tensors.assign(in.batch * picture, 0);
      for (std::size_t i = 0; i < in.batch; ++i) {
        const std::span to = std::span(tensors).subspan(i * picture, picture);
        if (came_as_samples) {
          recipe::normalize_samples(bundle.input, {in.samples + i * picture, picture}, in.height, in.width, to);
        } else {
          std::copy_n(in.data + i * picture, picture, to.begin());
        }
      }
      script->answer(out);
    };
    LoadOptions options;
    options.backend = "sampling";
    options.max_batch = 4;
    model = std::make_unique<Model>(manager.load(folder.path(), options));
  }

  /// Analyses them in one batch; true when they came as samples. Their tensors must be those of preprocess().
  bool samples_of(const std::vector<Image>& pictures) {
    const auto outcomes = Analyzer(*model).analyze_batch(pictures);
    for (const auto& outcome : outcomes) CHECK(outcome.has_value());
    std::vector<float> expected;
    for (const Image& picture : pictures) {
      const Tensor tensor = mediscan::preprocess(picture, bundle.input);
      expected.insert(expected.end(), tensor.values.begin(), tensor.values.end());
    }
    CHECK(tensors == expected);
    return came_as_samples;
  }

  test::TemporaryFolder folder;
  std::shared_ptr<test::Script> script = test::scripted_backend("sampling");
  Bundle bundle;
  bool came_as_samples = false;
  std::vector<float> tensors;
  ModelManager manager;
  std::unique_ptr<Model> model;
};

TEST_CASE("a session that takes samples gets bytes, and tensors where a picture of the batch has none") {
  SamplesFixture fixture;
  fixture.bundle = Bundle::read(fixture.folder.path());
  const Image red = test::picture({30, 20, 3, 8});
  const Image gray = test::picture({16, 16, 1, 8});
  const Image deep = test::picture({16, 16, 1, 12});
  CHECK(fixture.samples_of({red}));
  CHECK(fixture.samples_of({red, gray, red, gray}));
  CHECK_FALSE(fixture.samples_of({deep}));
  CHECK_FALSE(fixture.samples_of({deep, deep}));
  CHECK_FALSE(fixture.samples_of({red, deep, gray, red}));
  CHECK(fixture.samples_of({gray, red}));
  const auto bytes = read_encoded(fixture.folder.path() / "self_test.png");
  CHECK(Analyzer(*fixture.model).submit(bytes).get().findings.size() == 3);
  CHECK(fixture.came_as_samples);
}

TEST_CASE("damaged bytes are the decoder's error, also behind what the recipe reads") {
  const CroppingFixture fixture;
  const Analyzer analyzer(*fixture.model);
  auto bytes = base::read_file(MEDISCAN_SOURCE_DIR "/examples/images/skin-nevus.jpg", 1U << 26U, "max_file_bytes",
                               Stage::decode);
  bytes.erase(bytes.end() - 60, bytes.end() - 2);  // rows at the bottom; the end marker stays
  const Error expected = error_of([&] { Image::decode(bytes, {}, "nevus.jpg"); });
  const Error error = error_of([&] { (void)analyzer.analyze(bytes, {.name = "nevus.jpg"}); });
  CHECK(error.code() == ErrorCode::corrupt_image);
  CHECK(error.stage() == Stage::decode);
  CHECK(error.message() == expected.message());
}

#ifdef MEDISCAN_WITH_TURBO
TEST_CASE("fast_decode changes the pixels a little and the record not at all, but for the warning that says so") {
  const Fixture fixture;  // 4 x 4: a 600 x 450 picture is enough at an eighth of its size
  const Analyzer analyzer(*fixture.model);
  std::vector<float> tensor;
  fixture.script->run = [&](const BatchInput& input, const BatchOutput& output) {
    tensor.assign(input.data, input.data + std::size_t{input.channels} * input.height * input.width);
    fixture.script->answer(output);
  };
  const auto bytes = read_encoded(MEDISCAN_SOURCE_DIR "/examples/images/skin-nevus.jpg");
  const Result exact = analyzer.analyze(bytes);
  const auto exact_tensor = tensor;
  const Result fast = analyzer.analyze(bytes, {.decode = {.fast_decode = true}});
  REQUIRE(tensor.size() == exact_tensor.size());
  float largest = 0;
  for (std::size_t i = 0; i < tensor.size(); ++i) largest = std::max(largest, std::abs(tensor[i] - exact_tensor[i]));
  CHECK(largest > 0);
  CHECK(largest * 255 < 1.5F);
  CHECK(exact.warnings.empty());
  REQUIRE(fast.warnings.size() == 1);
  CHECK(fast.warnings[0].code == "FAST_DECODE");
  CHECK(test::contains(fast.warnings[0].message, "600 x 450 pixels was decoded at 1/8"));
  CHECK(fast.input.width == 600);
  CHECK(fast.input.height == 450);
  CHECK(fast.input.sha256 == exact.input.sha256);
  CHECK(fast.preprocess_sha256 == exact.preprocess_sha256);
  const Result submitted = analyzer.submit(bytes, {.decode = {.fast_decode = true}}).get();
  CHECK(submitted.warnings == fast.warnings);
}

TEST_CASE("fast_decode leaves alone what the model needs in full size, and what is decoded already") {
  const CroppingFixture fixture(256);  // 450 rows, halved, are not twice as many
  const Analyzer analyzer(*fixture.model);
  const auto bytes = read_encoded(MEDISCAN_SOURCE_DIR "/examples/images/skin-nevus.jpg");
  const JobOptions fast{.decode = {.fast_decode = true}};
  CHECK(analyzer.analyze(bytes, fast).warnings.empty());
  const Fixture small;
  CHECK(Analyzer(*small.model).analyze(Image::decode(bytes, fast.decode), fast).warnings.empty());
}
#endif

TEST_CASE("encoded pictures in batches are what each of them is alone, under its own name") {
  const Fixture fixture;
  const Analyzer analyzer(*fixture.model);
  const auto good = read_encoded(fixture.folder.path() / "self_test.png");
  const std::vector<std::byte> bad(good.begin(), good.begin() + 40);
  const std::vector<EncodedPicture> pictures{{good, "a.png"}, {bad, "b.png"}, {good, "c.png"}, {good, {}}};
  const auto outcomes = analyzer.analyze_encoded_batch(pictures, {.name = "ignored"});
  REQUIRE(outcomes.size() == 4);
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{2, 1});  // three good ones in warmed sizes
  for (const std::size_t i : {0U, 2U, 3U}) {
    REQUIRE(outcomes[i].has_value());
    CHECK(outcomes[i].value().input.name == pictures[i].name);
    CHECK(outcomes[i].value().input.width == 8);
  }
  REQUIRE_FALSE(outcomes[1].has_value());
  CHECK(outcomes[1].error().code() == ErrorCode::truncated_image);
  CHECK(outcomes[1].error().message().starts_with("b.png: "));
  CHECK(analyzer.analyze_encoded_batch({}).empty());
}

TEST_CASE("a list is cut into warmed batch sizes, and each result says the size of its own batch") {
  const Fixture fixture;
  const auto images = fixture.pictures(7);
  const auto outcomes = Analyzer(*fixture.model).analyze_batch(images);
  CHECK(fixture.script->batches == std::vector<std::uint32_t>{4, 2, 1});
  REQUIRE(outcomes.size() == 7);
  const std::vector<std::uint32_t> expected = {4, 4, 4, 4, 2, 2, 1};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    REQUIRE(outcomes[i].has_value());
    CHECK(outcomes[i].value().input.name == images[i].info().name);
    CHECK(outcomes[i].value().execution.batch_size == expected[i]);
  }
}

TEST_CASE("an empty list is an empty answer") {
  const Fixture fixture;
  CHECK(Analyzer(*fixture.model).analyze_batch({}).empty());
  CHECK(fixture.script->batches.empty());
}

TEST_CASE("a picture that breaks its batch fails alone: the others are run again without it") {
  const Fixture fixture;
  fixture.script->run = [&](const BatchInput& in, const BatchOutput& out) {
    fail_when_dark(in, out, fixture.script->logits);
  };
  auto images = fixture.pictures(4);
  images[2] = black_picture("night.png");
  const auto outcomes = Analyzer(*fixture.model).analyze_batch(images);
  for (const std::size_t good : {0U, 1U, 3U}) {
    REQUIRE(outcomes[good].has_value());
    CHECK(outcomes[good].value().execution.batch_size == 1);
  }
  REQUIRE_FALSE(outcomes[2].has_value());
  CHECK(outcomes[2].error().code() == ErrorCode::backend_failed);
  CHECK(test::contains(outcomes[2].error().message(), "night.png"));
  CHECK(test::contains(outcomes[2].error().message(), "black picture"));
  CHECK(fixture.model->status().analyses == 4);
  CHECK(fixture.model->status().failures == 1);
}

TEST_CASE("a NaN in one row of a batch is that picture's error alone") {
  const Fixture fixture;
  fixture.script->run = [&](const BatchInput& input, const BatchOutput& output) {
    for (std::uint32_t row = 0; row < input.batch; ++row) {
      std::copy(fixture.script->logits.begin(), fixture.script->logits.end(), output.logits + std::size_t{row} * 3);
    }
    if (input.batch == 4) output.logits[4] = std::nanf("");
  };
  const auto outcomes = Analyzer(*fixture.model).analyze_batch(fixture.pictures(4));
  CHECK(outcomes[0].has_value());
  REQUIRE_FALSE(outcomes[1].has_value());
  CHECK(outcomes[1].error().code() == ErrorCode::backend_failed);
  CHECK(test::contains(outcomes[1].error().message(), "picture1.png"));
  CHECK(outcomes[2].has_value());
  CHECK(outcomes[3].has_value());
}

TEST_CASE("many threads analyse at once and each gets its own picture's record") {
  const test::TemporaryFolder folder;
  test::write_bundle(folder.path());
  ModelManager manager;
  LoadOptions options;
  options.backend = "mock";
  const Analyzer analyzer(manager.load(folder.path(), options));
  std::vector<std::thread> users;
  std::vector<int> wrong(4, 0);
  for (unsigned user = 0; user < 4; ++user) {
    users.emplace_back([&, user] {
      const auto path = folder.path() / ("user" + std::to_string(user) + ".png");
      test::write_png(path, 11, 13, user + 50);
      const Image image = Image::read(path);
      const Result first = analyzer.analyze(image);
      for (int k = 0; k < 50; ++k) {
        const Result again = analyzer.analyze(image);
        const bool same =
            again.input.sha256 == image.info().sha256 && again.findings.front().logit == first.findings.front().logit;
        if (!same) ++wrong[user];
      }
    });
  }
  for (auto& user : users) user.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("a domain's analyzer refuses a bundle of another") {
  const Fixture skin;
  CHECK(SkinAnalyzer(*skin.model).analyze(skin.pictures(1).front()).summary.skin.has_value());
  const Error error = error_of([&] { RadiologyAnalyzer analyzer(*skin.model); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(test::contains(error.message(), "skin"));
  CHECK(test::contains(error.message(), "radiology"));
}

TEST_CASE("radiology: a multilabel bundle decides each label and names those over their operating point") {
  test::BundleContent content;
  content.domain = "radiology";
  content.task = "multilabel";
  content.activation = "sigmoid";
  content.unavailable = {"bcc"};
  content.operating_point = 0.7;
  const Fixture fixture(content);
  const Result result = RadiologyAnalyzer(*fixture.model).analyze(fixture.pictures(1).front());
  REQUIRE(result.summary.radiology.has_value());
  CHECK(result.summary.radiology->positive_codes ==
        std::vector<std::string>{"nv"});  // sigmoid(1.5) = 0.82, sigmoid(0.5) = 0.62
  CHECK(result.summary.radiology->unavailable == 1);
}

}  // namespace
}  // namespace mediscan
