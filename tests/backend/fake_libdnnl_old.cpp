// Stands for a oneDNN from before version 3.
extern "C" int dnnl_primitive_execute() { return 1; }
