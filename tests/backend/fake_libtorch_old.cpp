// Stands for a LibTorch from before the stable C ABI.
extern "C" int aoti_torch_delete_tensor_object(void* /*tensor*/) { return 0; }
