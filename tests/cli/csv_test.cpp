#include "cli/csv.hpp"

#include <doctest/doctest.h>

#include "examples.hpp"

namespace mediscan::cli {

TEST_CASE("a field is quoted when RFC 4180 says so") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("") == "");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"aah\"") == "\"say \"\"aah\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
  CHECK(csv_field("carriage\rreturn") == "\"carriage\rreturn\"");
}

TEST_CASE("the columns are named in the first line") {
  CHECK(
      csv_header() ==
      "file,sha256,model,model_version,backend,simulated,cached,code,label,available,logit,probability,operating_point,"
      "decision,"
      "error,notice\n");
}

TEST_CASE("each finding is a line, and what is not available has no numbers") {
  Result result = test::chest_result();
  result.input.name = "a,b.png";
  result.findings.erase(result.findings.begin() + 1);
  const std::string sha(64, 'a');
  CHECK(csv_rows(result) == "\"a,b.png\"," + sha +
                                ",skin-demo,1.0.0,torch,false,false,effusion,Effusion,true,0.5,0.75,0.5,true,," +
                                "\"research use only, not a medical device\"\n"
                                "\"a,b.png\"," +
                                sha +
                                ",skin-demo,1.0.0,torch,false,false,fracture,Fracture,false,,,,,,"
                                "\"research use only, not a medical device\"\n");
}

TEST_CASE("a simulated result says so in every line") {
  Result result = test::skin_result();
  result.execution.backend = "mock";
  result.execution.simulated = true;
  std::size_t marked = 0;
  const std::string rows = csv_rows(result);
  for (std::size_t at = 0; (at = rows.find(",mock,true,false,", at)) != std::string::npos; ++at) ++marked;
  CHECK(marked == result.findings.size());
}

TEST_CASE("a result from the cache says so in every line") {
  Result result = test::skin_result();
  result.execution.cached = true;
  std::size_t marked = 0;
  const std::string rows = csv_rows(result);
  for (std::size_t at = 0; (at = rows.find(",torch,false,true,", at)) != std::string::npos; ++at) ++marked;
  CHECK(marked == result.findings.size());
}

TEST_CASE("numbers keep full precision") {
  Result result = test::skin_result();
  result.findings.resize(1);
  result.findings[0].probability = 0.1 + 0.2;
  CHECK(csv_rows(result).find(",0.30000000000000004,") != std::string::npos);
}

TEST_CASE("a failed input is a line with its error") {
  const Error error(ErrorCode::truncated_image, Stage::decode, "x.jpg: JPEG ends at byte 10");
  CHECK(
      csv_row(error, "x.jpg") ==
      "x.jpg,,,,,,,,,,,,,,TRUNCATED_IMAGE: x.jpg: JPEG ends at byte 10,\"research use only, not a medical device\"\n");
}

}  // namespace mediscan::cli
