// Pictures to results, for a caller who waits.
#include <mediscan/preprocess.hpp>

#include <algorithm>
#include <vector>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"
#include "capi/image.hpp"
#include "capi/request.hpp"

using namespace mediscan::capi;

namespace {

mediscan_result* new_result_of(mediscan::Result result) {
  return new_result(std::make_shared<const mediscan::Result>(std::move(result)));
}

/// Handles that are released again unless they reach the caller.
template <class CType>
struct Owned {
  std::vector<CType*> handles;

  explicit Owned(std::size_t count) : handles(count, nullptr) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    for (CType* handle : handles) release(handle);
  }
  void hand_over(CType** to) {
    if (to == nullptr) return;
    std::copy(handles.begin(), handles.end(), to);
    handles.clear();
  }
};

std::vector<mediscan::Image> images_of(const mediscan_image* const* handles, std::size_t count) {
  std::vector<mediscan::Image> images;
  images.reserve(count);
  for (std::size_t i = 0; i < count; ++i) images.push_back(object_of(handles[i])->image);  // a copy shares the pixels
  return images;
}

mediscan_tensor_shape shape_of(const mediscan::Tensor& tensor) {
  mediscan_tensor_shape shape{};
  shape.channels = tensor.channels;
  shape.height = tensor.height;
  shape.width = tensor.width;
  shape.channels_last = tensor.layout == mediscan::Layout::nhwc ? 1 : 0;
  return shape;
}

}  // namespace

mediscan_status mediscan_analyze(mediscan_model* model, const mediscan_image* image, const mediscan_request* request,
                                 mediscan_result** result, mediscan_error** error) {
  return boundary(error, [&] {
    require(result, "result");
    const auto options = waiting_options(request);
    const auto with = object_of(model);
    const auto pin = object_of(image);
    *result = new_result_of(with->analyzer.analyze(pin->image, options));
  });
}

mediscan_status mediscan_analyze_bytes(mediscan_model* model, const void* bytes, size_t length,
                                       const mediscan_decode_options* options, const mediscan_request* request,
                                       mediscan_result** result, mediscan_error** error) {
  return boundary(error, [&] {
    require(result, "result");
    auto how = waiting_options(request);
    set_decode(how, options);
    const auto with = object_of(model);
    *result = new_result_of(with->analyzer.analyze(bytes_of(bytes, length), how));
  });
}

mediscan_status mediscan_analyze_batch(mediscan_model* model, const mediscan_image* const* images, size_t count,
                                       const mediscan_request* request, mediscan_result** results,
                                       mediscan_error** errors, mediscan_error** error) {
  return boundary(error, [&] {
    const auto options = waiting_options(request);
    const auto with = object_of(model);
    if (count == 0) return;
    require(images, "images");
    require(results, "results");
    const auto pictures = images_of(images, count);
    auto outcomes = with->analyzer.analyze_batch(pictures, options);
    Owned<mediscan_result> made(count);
    Owned<mediscan_error> failed(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (outcomes[i].has_value()) {
        made.handles[i] = new_result_of(std::move(outcomes[i]).value());
      } else {
        failed.handles[i] = new_handle<mediscan_error>(std::make_unique<mediscan::Error>(outcomes[i].error()));
      }
    }
    made.hand_over(results);
    failed.hand_over(errors);
  });
}

mediscan_status mediscan_preprocess(const mediscan_model* model, const mediscan_image* image, float* values,
                                    size_t capacity, mediscan_tensor_shape* shape, mediscan_error** error) {
  return boundary(error, [&] {
    if (values == nullptr) require(shape, "shape");
    const auto with = object_of(model);
    const auto pin = object_of(image);
    const mediscan::PreprocessSpec& recipe = with->analyzer.model().bundle().input;
    const mediscan::Tensor tensor = mediscan::preprocess(pin->image, recipe);
    if (values != nullptr && capacity < tensor.values.size()) {
      invalid("capacity",
              "is " + std::to_string(capacity) + ", the tensor has " + std::to_string(tensor.values.size()) + " values",
              "call with values NULL first: the shape says how many there are");
    }
    if (shape != nullptr) write_struct(shape_of(tensor), shape, "mediscan_tensor_shape");
    if (values != nullptr) std::copy(tensor.values.begin(), tensor.values.end(), values);
  });
}
