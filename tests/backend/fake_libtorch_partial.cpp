// Has the two functions by which a LibTorch is known to be 2.11 or newer, and none of the others.
extern "C" int torch_call_dispatcher() { return 1; }
extern "C" int torch_from_blob() { return 1; }
