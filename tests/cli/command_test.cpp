// The built command as its users meet it: exit codes, what goes to which stream, and what happens when a stream fails.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "process.hpp"
#include "temporary_folder.hpp"

namespace mediscan::cli {
using test::contains;
using test::Finished;
using test::run_mediscan;
using test::Setting;
using test::TemporaryFolder;
using test::write_bundle;
using test::write_file;
using test::write_png;

using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A bundle, two good pictures and a bad one between them.
struct Scene {
  TemporaryFolder folder;
  Scene() {
    fs::create_directory(at("bundle"));
    write_bundle(at("bundle"));
    fs::create_directory(at("in"));
    write_png(at("in/a.png"), 16, 12, 1);
    write_file(at("in/b.jpg"), "this is no picture");
    write_png(at("in/c.png"), 20, 10, 2);
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder.path() / name).string(); }

  [[nodiscard]] Finished analyze(std::vector<std::string> more, const Setting& setting = {}) const {
    std::vector<std::string> arguments = {"analyze", "--model", at("bundle"), "--backend", "mock"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_mediscan(arguments, setting);
  }
};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("one picture: the result on standard output, nothing on standard error, exit 0") {
  const Scene scene;
  const Finished run = scene.analyze({scene.at("in/a.png")});
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK(contains(run.out, "in/a.png  16×12 · PNG · 8-bit\n"));
  CHECK(contains(run.out, "*** SIMULATED ***"));
  CHECK(contains(run.out, "research use only, not a medical device"));
  CHECK_FALSE(contains(run.out, "\x1b"));  // a pipe gets no colours
}

TEST_CASE("colours can be forced, and NO_COLOR outranks that") {
  const Scene scene;
  CHECK(contains(scene.analyze({scene.at("in/a.png")}, {.environment = {{"CLICOLOR_FORCE", "1"}}}).out,
                 "\x1b[1;7;31m SIMULATED "));
  CHECK_FALSE(
      contains(scene.analyze({scene.at("in/a.png")}, {.environment = {{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}}}).out,
               "\x1b"));
}

TEST_CASE("outside a UTF-8 locale the bars are plain ASCII") {
  const Scene scene;
  const Finished run = scene.analyze({scene.at("in/a.png")}, {.environment = {{"LC_ALL", "C"}}});
  CHECK(std::all_of(run.out.begin(), run.out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  CHECK(contains(run.out, "#"));
}

TEST_CASE("a bad picture ends nothing: its error on standard error, the others' results, exit 1") {
  const Scene scene;
  const Finished run = scene.analyze({scene.at("in")});
  CHECK(run.code == 1);
  CHECK(contains(run.out, "in/a.png"));
  CHECK(contains(run.out, "in/c.png"));
  CHECK_FALSE(contains(run.out, "b.jpg"));
  CHECK(contains(run.err, "mediscan: " + scene.at("in/b.jpg") + ": "));
  CHECK(contains(run.err, "(UNSUPPORTED_FORMAT)\n"));
  CHECK(contains(run.err, "\n  hint: "));
}

TEST_CASE("a missing file is one failed input") {
  const Scene scene;
  const Finished run = scene.analyze({scene.at("none.jpg"), scene.at("in/a.png")});
  CHECK(run.code == 1);
  CHECK(contains(run.err, "none.jpg: No such file or directory (IO_ERROR)\n"));
  CHECK(contains(run.out, "in/a.png"));
}

TEST_CASE("--json of a folder is one array with the error in its place") {
  const Scene scene;
  const Finished run = scene.analyze({"--json", scene.at("in")});
  CHECK(run.code == 1);
  CHECK(run.err.empty());
  const json all = json::parse(run.out);
  REQUIRE(all.size() == 3);
  CHECK(all[0]["input"]["name"] == scene.at("in/a.png"));
  CHECK(all[1]["error"]["code"] == "UNSUPPORTED_FORMAT");
  CHECK(all[1]["input"]["name"] == scene.at("in/b.jpg"));
  CHECK(all[2]["execution"]["simulated"] == true);
  for (const auto& one : all) CHECK(one["notice"] == "research use only, not a medical device");
}

TEST_CASE("--json of one file is one object, also when it fails") {
  const Scene scene;
  CHECK(json::parse(scene.analyze({"--json", scene.at("in/a.png")}).out).is_object());
  const Finished run = scene.analyze({"--json", scene.at("in/b.jpg")});
  CHECK(run.code == 1);
  CHECK(json::parse(run.out).contains("error"));
}

TEST_CASE("--jsonl is one object a line, also beyond one batch") {
  const Scene scene;
  std::vector<std::string> arguments = {"--jsonl"};
  for (int i = 0; i < 19; ++i) arguments.push_back(scene.at(i % 2 == 0 ? "in/a.png" : "in/c.png"));
  const Finished run = scene.analyze(arguments);
  CHECK(run.code == 0);
  CHECK(lines_in(run.out) == 19);
  std::size_t at = 0;
  for (int i = 0; i < 19; ++i) {
    const std::size_t end = run.out.find('\n', at);
    CHECK(json::parse(run.out.substr(at, end - at))["input"]["width"] == (i % 2 == 0 ? 16 : 20));
    at = end + 1;
  }
}

TEST_CASE("--csv is a header and one line a finding") {
  const Scene scene;
  const Finished run = scene.analyze({"--csv", scene.at("in")});
  CHECK(run.code == 1);
  CHECK(run.out.starts_with("file,sha256,model,"));
  CHECK(lines_in(run.out) == 1 + 3 + 1 + 3);  // three labels each for a and c, one error for b
  CHECK(contains(run.out, ",mock,true,"));
}

TEST_CASE("a picture on standard input has the findings of its file") {
  const Scene scene;
  const json file = json::parse(scene.analyze({"--json", scene.at("in/a.png")}).out);
  const json piped = json::parse(scene.analyze({"--json", "-"}, {.input = bytes_of(scene.at("in/a.png"))}).out);
  CHECK(piped["findings"] == file["findings"]);
  CHECK(piped["input"]["name"] == "stdin");
}

TEST_CASE("an empty or oversized standard input is an error of that input") {
  const Scene scene;
  const Finished empty = scene.analyze({"-"});
  CHECK(empty.code == 1);
  CHECK(contains(empty.err, "(EMPTY_INPUT)"));
  const Finished large = scene.analyze({"--max-file-bytes", "1K", "-"}, {.input = std::string(5000, 'x')});
  CHECK(large.code == 1);
  CHECK(contains(large.err, "(LIMIT_EXCEEDED)"));
}

TEST_CASE("a file name that is no UTF-8 still gives valid JSON, and is shown escaped") {
  const Scene scene;
  const std::string odd = scene.at("in/\xff\x1b[2J\n.png");
  fs::copy_file(scene.at("in/a.png"), odd);
  CHECK(json::parse(scene.analyze({"--json", odd}).out)["input"]["name"] == scene.at("in/\xef\xbf\xbd\x1b[2J\n.png"));
  const Finished run = scene.analyze({odd});
  CHECK(contains(run.out, "in/\\xff\\x1b[2J\\n.png"));
  CHECK_FALSE(contains(run.out, "\x1b"));
}

TEST_CASE("names that the parser could take for something else are files") {
  const Scene scene;
  for (const char* name : {"status", "[a,b]", "-dash.png"}) fs::copy_file(scene.at("in/a.png"), scene.at(name));
  const fs::path before = fs::current_path();
  fs::current_path(scene.folder.path());
  const Finished run = scene.analyze({"--jsonl", "status", "[a,b]", "--", "-dash.png"});
  fs::current_path(before);
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK(lines_in(run.out) == 3);
}

TEST_CASE("the model may come from MEDISCAN_MODEL, or be named by its manifest") {
  const Scene scene;
  CHECK(run_mediscan({"analyze", "--backend", "mock", scene.at("in/a.png")},
                     {.environment = {{"MEDISCAN_MODEL", scene.at("bundle")}}})
            .code == 0);
  CHECK(run_mediscan({"analyze", "-m", scene.at("bundle/mediscan.json"), "--backend", "mock", scene.at("in/a.png")})
            .code == 0);
}

TEST_CASE("a command line that makes no sense is exit 2 with a hint, and nothing on standard output") {
  const Scene scene;
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"analyse"},
      {"--json"},
      {"analyze", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle")},
      {"analyze", "--model", scene.at("bundle"), "--colour", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--json", "--csv", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--top", "0", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--threads", "many", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--fallback", "always", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--decoder", "jpeg2000", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--max-pixels", "lots", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "--max-side", "5G", scene.at("in/a.png")},
      {"analyze", "--model", scene.at("bundle"), "-", "-"},
      {"inspect"},
      {"status", "extra"},
      {"doctor", "extra"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const auto& argument : arguments) line += argument + ' ';
    CAPTURE(line);
    const Finished run = run_mediscan(arguments);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    if (!arguments.empty()) CHECK(contains(run.err, "\n  hint: "));
  }
}

TEST_CASE("each decoder that --decoder names reads the picture, and inspect says which did") {
  const Scene scene;
  for (const std::string decoder : {"auto", "turbo", "stb"}) {
    CAPTURE(decoder);
    const Finished run = scene.analyze({"--decoder", decoder, "--json", scene.at("in/a.png")});
    CAPTURE(run.err);
    CHECK(run.code == 0);
    const Finished seen = run_mediscan({"inspect", "--decoder", decoder, "--json", scene.at("in/a.png")});
    CAPTURE(seen.err);
    CHECK(contains(seen.out, decoder == "stb" ? "stb_image" : "libpng"));
  }
}

#ifdef MEDISCAN_WITH_TURBO
TEST_CASE("--fast-decode is said in the result, and changes nothing else of it") {
  const Scene scene;
  const std::string large = MEDISCAN_SOURCE_DIR "/examples/images/skin-nevus.jpg";
  const json exact = json::parse(scene.analyze({"--json", large}).out);
  const Finished run = scene.analyze({"--json", "--fast-decode", large, scene.at("in/a.png")});
  CHECK(run.code == 0);
  const json both = json::parse(run.out);
  const auto warned = [](const json& result) { return contains(result["warnings"].dump(), "FAST_DECODE"); };
  CHECK_FALSE(warned(exact));
  CHECK(warned(both[0]));
  CHECK_FALSE(warned(both[1]));
  CHECK(both[0]["input"] == exact["input"]);
  CHECK(contains(scene.analyze({"--fast-decode", large}).out, "decoded at 1/8"));
  CHECK(run_mediscan({"inspect", "--fast-decode", large}).code == 2);
}
#endif

TEST_CASE("--fallback mock answers without LibTorch, marked and with the reason, and --fallback never does not") {
  const Scene scene;
  const Setting without{.environment = {{"MEDISCAN_LIBTORCH", "/nonexistent"}, {"MEDISCAN_ONEDNN", "/nonexistent"}}};
  const auto with_fallback = [&](const std::string& how) {
    return run_mediscan({"analyze", "--model", scene.at("bundle"), "--fallback", how, "--json", scene.at("in/a.png")},
                        without);
  };
  const Finished mocked = with_fallback("mock");
  CAPTURE(mocked.err);
  REQUIRE(mocked.code == 0);
  const json execution = json::parse(mocked.out)["execution"];
  CHECK(execution["simulated"] == true);
  CHECK(contains(execution["fallback_reason"].get<std::string>(), "/nonexistent"));
  const Finished refused = with_fallback("never");
  CHECK(refused.code == 3);
  CHECK(refused.out.empty());
}

TEST_CASE("without a usable model or backend the exit is 3") {
  const Scene scene;
  const Finished none = run_mediscan({"analyze", "--model", scene.at("none"), scene.at("in/a.png")});
  CHECK(none.code == 3);
  CHECK(none.out.empty());
  CHECK(contains(none.err, "(NOT_FOUND)\n  hint: "));
  CHECK(run_mediscan({"analyze", "--model", scene.at("bundle"), "--backend", "abacus", scene.at("in/a.png")}).code ==
        3);
  write_file(scene.at("bundle/mediscan.json"), "{");
  CHECK(run_mediscan({"analyze", "--model", scene.at("bundle"), "--backend", "mock", scene.at("in/a.png")}).code == 3);
}

TEST_CASE("results that cannot be written are a clear failure, not lost in silence") {
  const Scene scene;
  const Finished full = scene.analyze({scene.at("in/a.png")}, {.out_path = "/dev/full"});
  CHECK(full.code == 1);
  CHECK(contains(full.err, "mediscan: cannot write to standard output: No space left on device\n  hint: "));
  const Finished gone = scene.analyze({scene.at("in/a.png")}, {.close_reader = true});
  CHECK(gone.code == 1);
  CHECK(contains(gone.err, "cannot write to standard output: Broken pipe\n"));
  const Finished closed = scene.analyze({scene.at("in/a.png")}, {.close_out = true});
  CHECK(closed.code == 1);
  CHECK(contains(closed.err, "cannot write to standard output: Bad file descriptor\n"));
  CHECK(run_mediscan({"--help"}, {.out_path = "/dev/full"}).code == 1);
}

TEST_CASE("help and version are on standard output, and help promises only what is there") {
  const Finished version = run_mediscan({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("mediscan 0.1.0\n"));
  CHECK(contains(version.out, "research use only, not a medical device"));
  const Finished help = run_mediscan({"--help"});
  CHECK(help.code == 0);
  CHECK_FALSE(contains(help.out, "batch"));
  CHECK_FALSE(contains(help.out, "bench"));
  for (const char* command : {"analyze", "inspect", "status", "doctor"}) {
    CAPTURE(command);
    CHECK(contains(help.out, std::string("  ") + command + " "));
    const Finished one = run_mediscan({command, "--help"});
    CHECK(one.code == 0);
    CHECK(one.err.empty());
    CHECK(contains(one.out, std::string("Usage: mediscan ") + command));
    CHECK(contains(one.out, "Examples:\n  mediscan " + std::string(command)));
  }
}

TEST_CASE("inspect describes a picture and a bundle") {
  const Scene scene;
  const Finished run = run_mediscan({"inspect", scene.at("in/a.png"), scene.at("bundle")});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "  size          16 x 12 pixels"));
  CHECK(contains(run.out, "the file has this hash"));
  const json all = json::parse(run_mediscan({"inspect", "--json", scene.at("in/a.png"), scene.at("bundle")}).out);
  REQUIRE(all.size() == 2);
  CHECK(all[0]["width"] == 16);
  CHECK(all[1]["name"] == "tiny");
}

TEST_CASE("inspect finds weights of another hash") {
  const Scene scene;
  write_file(scene.at("bundle/model.bin"), "other weights");
  const Finished run = run_mediscan({"inspect", scene.at("bundle")});
  CHECK(run.code == 1);
  CHECK(contains(run.out, "SHA-256 is"));
  CHECK_FALSE(contains(run.out, "the file has this hash"));
  const Finished as_json = run_mediscan({"inspect", "--json", scene.at("bundle")});
  CHECK(as_json.code == 1);
  CHECK(json::parse(as_json.out)["error"]["code"] == "HASH_MISMATCH");
}

TEST_CASE("status loads the models named and fails when one does not load") {
  const Scene scene;
  const Finished good =
      run_mediscan({"status", "--backend", "mock", "--json", "-m", scene.at("bundle"), "-m", scene.at("bundle")});
  CHECK(good.code == 0);
  const json report = json::parse(good.out);
  CHECK(report["system"]["library_version"] == "0.1.0");
  REQUIRE(report["models"].size() == 2);
  CHECK(report["models"][0]["state"] == "READY");
  const Finished bad = run_mediscan({"status", "--backend", "mock", "-m", scene.at("none")});
  CHECK(bad.code == 3);
  CHECK(contains(bad.out, "FAILED"));
  CHECK(contains(bad.out, "NOT_FOUND"));
}

TEST_CASE("doctor's exit code and words agree") {
  const Finished broken = run_mediscan({"doctor", "--libtorch", "/nonexistent"});
  const json report = json::parse(run_mediscan({"doctor", "--json", "--libtorch", "/nonexistent"}).out);
  bool real = false;
  for (const auto& backend : report["backends"])
    real = real || (backend["available"] == true && backend["simulated"] == false);
  CHECK(broken.code == (real ? 0 : 3));
  CHECK(contains(broken.out, real ? "All is well" : "No real backend works here"));
}

TEST_CASE("quantize says what is missing on its command line, and reads no standard input") {
  const Scene scene;
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"quantize"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished run = run_mediscan(arguments);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    return run.err;
  };
  const std::string model = scene.at("bundle");
  CHECK(contains(refused({"--out", scene.at("q"), scene.at("in")}), "no model is named"));
  CHECK(contains(refused({"--model", model, scene.at("in")}), "add --out DIR"));
  CHECK(contains(refused({"--model", model, "--out", scene.at("q")}), "no calibration picture is named"));
  CHECK(contains(refused({"--model", model, "--out", scene.at("q"), "-"}), "reads every picture more than once"));
  CHECK(contains(refused({"--model", model, "--out", scene.at("q"), "--method", "best", scene.at("in")}), "--method"));
  CHECK(contains(refused({"--model", model, "--out", scene.at("q"), "--percentile", "20", scene.at("in")}),
                 "percentile is 20, expected over 50, at most 100"));
  CHECK(contains(refused({"--model", model, "--out", scene.at("in"), scene.at("in")}), "is there already"));
  for (const char* word : {"all", "-1", "2x", ""}) {
    CHECK(contains(refused({"--model", model, "--out", scene.at("q"), "--keep-higher", word, scene.at("in")}),
                   "expected auto, none or a number"));
  }
}

TEST_CASE("quantize of what cannot be quantised is exit 3 with the reason, and writes nothing") {
  const Scene scene;
  const Finished run =
      run_mediscan({"quantize", "--model", scene.at("bundle"), "--out", scene.at("q"), scene.at("in")});
  CHECK(run.code == 3);
  CHECK(contains(run.err, "(UNSUPPORTED)"));
  CHECK(contains(run.err, "\"scripted\" cannot be quantised"));
  CHECK_FALSE(fs::exists(scene.at("q")));
  CHECK(run_mediscan({"quantize", "--model", scene.at("bundle"), "--out", scene.at("no/q"), scene.at("in")}).code == 1);
  CHECK(run_mediscan({"quantize", "--model", scene.at("none"), "--out", scene.at("q"), scene.at("in")}).code == 3);
}

TEST_CASE("quantize --help explains the methods and the exit codes") {
  const Finished run = run_mediscan({"quantize", "--help"});
  CHECK(run.code == 0);
  for (const char* part : {"--method", "entropy", "--min-agreement", "--keep-higher", "Exit codes", "-o,--out"})
    CHECK(contains(run.out, part));
}

TEST_CASE("tune prints its table, writes the profile, and a load that is told of it goes by it") {
  const Scene scene;
  const std::string place = scene.at("p.json");
  const Finished run = run_mediscan({"tune", scene.at("bundle"), "--backend", "mock", "--threads", "2", "--seconds",
                                     "0.2", "--goal", "throughput", "--profile", place});
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.err.empty());
  CHECK(contains(run.out, "backend         device  precision  lanes   batch  ms alone  pictures/s  best\n"));
  CHECK(contains(run.out, "1 x 2       1"));
  CHECK(contains(run.out, "2 x 1       8"));
  CHECK(contains(run.out, "threads (from option)"));
  CHECK(contains(run.out, "does not serve  mock cpu fp16: tiny "));
  CHECK(json::parse(bytes_of(place))["goal"] == "throughput");

  const auto status = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"status",    "--model", scene.at("bundle"), "--backend", "mock",
                                          "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_mediscan(arguments);
  };
  CHECK(contains(status({"--profile", place}).out, "  profile       " + place));
  CHECK(contains(status({"--profile", place}).out, "from profile p.json"));
  const json alone = json::parse(status({"--profile", place, "--lanes", "1", "--json"}).out)["models"][0];
  CHECK(alone["lanes"] == 1);
  const json off = json::parse(status({"--json"}).out)["models"][0];
  CHECK(off["profile"] == "");
  CHECK(off["execution"]["profile_reason"] == nullptr);
}

TEST_CASE("a profile that does not fit is a warning in the status, and the model is ready") {
  const Scene scene;
  write_file(scene.at("p.json"), "{}");
  const Finished run =
      run_mediscan({"status", "--model", scene.at("bundle"), "--backend", "mock", "--profile", scene.at("p.json")});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "  warning       the profile is not used: "));
  const json model = json::parse(run_mediscan({"status", "--model", scene.at("bundle"), "--backend", "mock", "--json"},
                                              {.environment = {{"MEDISCAN_PROFILE", scene.at("p.json")}}})
                                     .out)["models"][0];
  CHECK(model["state"] == "READY");
  CHECK(model["warnings"][0]["code"] == "PROFILE_IGNORED");
}

TEST_CASE("tune writes where loads look, and --no-profile writes nothing") {
  const Scene scene;
  fs::create_directory(scene.at("cache"));
  const Setting own{.environment = {{"XDG_CACHE_HOME", scene.at("cache")}, {"MEDISCAN_PROFILE", ""}}};
  const std::vector<std::string> arguments = {"tune", "--model", scene.at("bundle"), "--backend", "mock", "--seconds",
                                              "0.1",  "--json"};
  auto measured_only = arguments;
  measured_only.emplace_back("--no-profile");
  const Finished none = run_mediscan(measured_only, own);
  REQUIRE(none.code == 0);
  CHECK(json::parse(none.out)["profile"] == "");
  CHECK(fs::is_empty(scene.at("cache")));
  const Finished run = run_mediscan(arguments, own);
  REQUIRE(run.code == 0);
  const std::string place = json::parse(run.out)["profile"];
  CHECK(place.starts_with(scene.at("cache/mediscan/tune/tiny-")));
  const Finished status = run_mediscan({"status", "--model", scene.at("bundle"), "--backend", "mock", "--json"}, own);
  CHECK(json::parse(status.out)["models"][0]["profile"] == place);
}

TEST_CASE("tune says what is wrong with its command line, and its exit codes are those of the other commands") {
  const Scene scene;
  const std::string model = scene.at("bundle");
  const auto code_of = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"tune", "--backend", "mock", "--seconds", "0.1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished run = run_mediscan(arguments);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
    return run.code;
  };
  CHECK(code_of({}) == 2);
  CHECK(code_of({model, "--goal", "beauty"}) == 2);
  CHECK(code_of({model, "--max-batch", "65", "--no-profile"}) == 2);
  CHECK(code_of({model, "--profile", "a", "--no-profile"}) == 2);
  CHECK(code_of({scene.at("none")}) == 3);
  CHECK(code_of({model, "--profile", scene.at("no/p.json")}) == 1);
  CHECK(run_mediscan({"tune", model, "--backend", "abacus", "--no-profile"}).code == 3);
  CHECK(run_mediscan({"tune", model, "--seconds", "0", "--no-profile"}).code == 2);
  const Finished without = run_mediscan({"tune", model, "--no-profile", "--backend", "torch"},
                                        {.environment = {{"MEDISCAN_LIBTORCH", "/nonexistent"}}});
  CHECK(without.code == 3);
  CHECK(contains(without.err, "(BACKEND_UNAVAILABLE)"));
}

TEST_CASE("tune --help explains the goals and the exit codes") {
  const Finished run = run_mediscan({"tune", "--help"});
  CHECK(run.code == 0);
  for (const char* part : {"--goal", "throughput", "--seconds", "--no-profile", "Exit codes"})
    CHECK(contains(run.out, part));
}

}  // namespace mediscan::cli
