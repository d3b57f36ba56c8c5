// Writes outcomes one after the other in the format that was asked for. Errors stand in their place in the sequence.
#pragma once

#include <cstddef>
#include <mediscan/result.hpp>
#include <string_view>

#include "cli/output.hpp"
#include "cli/sequence.hpp"

namespace mediscan::cli {

enum class Format { human, json, jsonl, csv };

class ResultWriter {
 public:
  /// `single`: --json is one object instead of an array. `shown`: how many findings people see of each picture.
  ResultWriter(Streams& streams, Format format, bool single, std::size_t shown);

  void begin();
  void result(const Result& result);
  void error(const Error& error, std::string_view input);
  void end();

 private:
  void separate();

  Streams& streams_;
  Format format_;
  JsonSequence json_;
  std::size_t shown_;
  bool first_ = true;
};

}  // namespace mediscan::cli
