// Opens a ResNet and a DenseNet by the onednn backend, then says RUNNING and runs batches of the sizes that were made
// ready. With ONEDNN_VERBOSE=2 oneDNN itself prints what it makes and runs.
#include <atomic>
#include <cstdio>
#include <vector>

#include "open_network.hpp"

int main() {
  using namespace mediscan;
  const std::atomic<bool> not_cancelled{false};
  const std::vector<float> pictures(std::size_t{4} * 3 * 64 * 64, 0.5F);
  std::vector<float> logits(std::size_t{4} * 18);
  std::vector<std::unique_ptr<Session>> sessions;
  const std::vector<Architecture> architectures{test::tiny_resnet(), test::tiny_densenet()};
  for (const Architecture& architecture : architectures) {
    test::NetworkRequest request{architecture};
    request.backend = "onednn";
    sessions.push_back(test::open_network(request, test::safetensors(test::tensors_of(architecture))));
  }
  std::puts("RUNNING");
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const Architecture& architecture = architectures[i];
    for (const std::uint32_t batch : {1U, 2U, 4U, 1U}) {
      sessions[i]->run({pictures.data(), batch, architecture.in_channels, 64, 64, Layout::nchw},
                       {logits.data(), batch, architecture.outputs}, not_cancelled);
    }
  }
  return 0;
}
