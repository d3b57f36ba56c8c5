#include "profile/choice.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <vector>

namespace mediscan::profile {
namespace {

using Rows = std::vector<Measured>;

bool fits(const Measured& row, const Settled& settled, const Bundle& bundle) {
  if (settled.backend == "auto" ? row.simulated : row.backend != settled.backend) return false;
  if (settled.device != "auto" && row.device != settled.device) return false;
  if (settled.precision != "auto" && row.precision != settled.precision) return false;
  if (settled.lanes != 0 && row.lanes != settled.lanes) return false;
  return row.batch_size <= settled.max_batch && allows(bundle, row.precision);
}

std::size_t coarseness(const std::string& precision) {
  constexpr std::array<std::string_view, 4> finest_first = {"fp32", "bf16", "fp16", "int8"};
  return static_cast<std::size_t>(std::ranges::find(finest_first, precision) - finest_first.begin());
}

double pictures_a_second(const Measured& row) { return row.pictures_per_second; }
double alone_a_second(const Measured& row) { return 1000 / row.latency_ms; }

/// Those whose speed is alike to the fastest's, in the order in which they came.
Rows fastest(const Rows& rows, double (*speed)(const Measured&)) {
  double most = 0;
  for (const Measured& row : rows) most = std::max(most, speed(row));
  Rows near;
  for (const Measured& row : rows) {
    if (speed(row) >= most * (1 - alike)) near.push_back(row);
  }
  return near;
}

Rows of_same_configuration(const Rows& rows, const Measured& as) {
  Rows same;
  for (const Measured& row : rows) {
    if (std::tie(row.backend, row.device, row.precision, row.lanes) ==
        std::tie(as.backend, as.device, as.precision, as.lanes)) {
      same.push_back(row);
    }
  }
  return same;
}

}  // namespace

bool allows(const Bundle& bundle, const std::string& precision) {
  if (precision == "fp32") return true;
  return bundle.precision && std::ranges::find(bundle.precision->allowed, precision) != bundle.precision->allowed.end();
}

Rows fitting(std::span<const Measured> measured, const Settled& settled, const Bundle& bundle) {
  Rows rows;
  for (const Measured& row : measured) {
    if (fits(row, settled, bundle)) rows.push_back(row);
  }
  return rows;
}

std::optional<Measured> best(std::span<const Measured> measured, TuneGoal goal, const Settled& settled,
                             const Bundle& bundle) {
  const Rows rows = fitting(measured, settled, bundle);
  if (rows.empty()) return std::nullopt;
  const Rows near = fastest(rows, goal == TuneGoal::latency ? alone_a_second : pictures_a_second);
  const Measured plainest = *std::ranges::min_element(near, [](const Measured& a, const Measured& b) {
    return std::pair(coarseness(a.precision), a.lanes) < std::pair(coarseness(b.precision), b.lanes);
  });
  const Rows same = of_same_configuration(near, plainest);
  const Rows finalists = goal == TuneGoal::latency ? fastest(same, pictures_a_second) : same;
  return *std::ranges::min_element(finalists, {}, &Measured::batch_size);
}

}  // namespace mediscan::profile
