#include "cli/result_writer.hpp"

#include "cli/csv.hpp"
#include "cli/render_result.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

Frame frame_of(Format format, bool single) {
  if (format == Format::jsonl) return Frame::lines;
  return single ? Frame::none : Frame::array;
}

/// CSV as it goes out: on a terminal nothing from outside may move the cursor, elsewhere the data stay as they are.
std::string printable(std::string rows, bool is_terminal) {
  if (!is_terminal) return rows;
  std::string text;
  for (std::size_t at = 0; at < rows.size();) {
    const std::size_t end = std::min(rows.find('\n', at), rows.size());
    text += escaped(std::string_view(rows).substr(at, end - at)) + '\n';
    at = end + 1;
  }
  return text;
}

}  // namespace

ResultWriter::ResultWriter(Streams& streams, Format format, bool single, std::size_t shown)
    : streams_(streams), format_(format), json_(streams.out, frame_of(format, single)), shown_(shown) {}

void ResultWriter::begin() {
  if (format_ == Format::json) json_.begin();
  if (format_ == Format::csv) streams_.out.write(csv_header());
}

/// An empty line between two pictures.
void ResultWriter::separate() {
  if (!first_) streams_.out.write("\n");
  first_ = false;
}

void ResultWriter::result(const Result& result) {
  switch (format_) {
    case Format::human:
      separate();
      streams_.out.write(render_result(result, shown_, streams_.out.style()));
      break;
    case Format::json:
    case Format::jsonl:
      json_.item(to_json(result, json_.indent()));
      break;
    case Format::csv:
      streams_.out.write(printable(csv_rows(result), streams_.out.is_terminal()));
      break;
  }
}

void ResultWriter::error(const Error& error, std::string_view input) {
  switch (format_) {
    case Format::human:
      if (streams_.out.is_terminal()) separate();
      streams_.err.try_write(render_error(error, streams_.err.style()));
      break;
    case Format::json:
    case Format::jsonl:
      json_.item(to_json(error, input, json_.indent()));
      break;
    case Format::csv:
      streams_.out.write(printable(csv_row(error, input), streams_.out.is_terminal()));
      break;
  }
}

void ResultWriter::end() {
  if (format_ == Format::json) json_.end();
}

}  // namespace mediscan::cli
