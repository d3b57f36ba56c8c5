// Has the function by which a oneDNN is known to be 3.1 or newer, and none of the others.
extern "C" int dnnl_primitive_attr_set_scales_mask() { return 1; }
