#include "schedule/compute_gate.hpp"

namespace mediscan::schedule {

std::unique_lock<std::mutex> enter_compute(int threads) {
  static std::mutex turn;  // of the process, as its cores are
  return threads > 1 ? std::unique_lock(turn) : std::unique_lock<std::mutex>{};
}

}  // namespace mediscan::schedule
