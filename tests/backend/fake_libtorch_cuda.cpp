// A libtorch_cuda.so that has none of the functions that MediScan calls.
extern "C" int torch_set_current_cuda_stream() { return 1; }
