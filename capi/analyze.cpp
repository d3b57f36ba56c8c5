// Pictures to results.
#include <mediscan/preprocess.hpp>

#include <algorithm>
#include <vector>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"
#include "capi/image.hpp"

using namespace mediscan::capi;

namespace {

void check_request(const mediscan_request* given) {
  const auto request = options_of(given, "mediscan_request");
  if (request.reserved != 0) invalid("mediscan_request.reserved", "is not 0");
}

mediscan::JobOptions job_options(const mediscan_decode_options* decode) {
  mediscan::JobOptions options;
  options.decode = decode_options(decode);
  options.name = name_in(decode);
  return options;
}

mediscan_result* new_result(mediscan::Result result) {
  auto object = std::make_unique<ResultObject>();
  object->result = std::move(result);
  return new_handle<mediscan_result>(std::move(object));
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

void mediscan_request_init(mediscan_request* request, size_t size) { init_struct(request, size); }

mediscan_status mediscan_analyze(mediscan_model* model, const mediscan_image* image, const mediscan_request* request,
                                 mediscan_result** result, mediscan_error** error) {
  return boundary(error, [&] {
    require(result, "result");
    check_request(request);
    const auto with = object_of(model);
    const auto pin = object_of(image);
    *result = new_result(with->analyzer.analyze(pin->image));
  });
}

mediscan_status mediscan_analyze_bytes(mediscan_model* model, const void* bytes, size_t length,
                                       const mediscan_decode_options* options, const mediscan_request* request,
                                       mediscan_result** result, mediscan_error** error) {
  return boundary(error, [&] {
    require(result, "result");
    check_request(request);
    const auto with = object_of(model);
    *result = new_result(with->analyzer.analyze(bytes_of(bytes, length), job_options(options)));
  });
}

mediscan_status mediscan_analyze_batch(mediscan_model* model, const mediscan_image* const* images, size_t count,
                                       const mediscan_request* request, mediscan_result** results,
                                       mediscan_error** errors, mediscan_error** error) {
  return boundary(error, [&] {
    check_request(request);
    const auto with = object_of(model);
    if (count == 0) return;
    require(images, "images");
    require(results, "results");
    const auto pictures = images_of(images, count);
    const auto outcomes = with->analyzer.analyze_batch(pictures);
    Owned<mediscan_result> made(count);
    Owned<mediscan_error> failed(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (outcomes[i].has_value()) {
        made.handles[i] = new_result(outcomes[i].value());
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
