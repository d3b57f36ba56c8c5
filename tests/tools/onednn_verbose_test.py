"""Lines that oneDNN printed under torch 2.15 while a plain convolution ran twice: it packs its weights in both runs."""

from onednn_verbose import events

CONVOLUTION = ("cpu,convolution,brg_conv_fwd:avx2,forward_training,src:f32::blocked:acdb::f0 wei:f32:a:blocked:Acdb32a::f0 bia:f32:a:blocked:a::f0 "
               "dst:f32::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,mb4_ic64oc64_ih56oh56kh3sh1dh0ph1_iw56ow56kw3sw1dw0pw1,")
REORDER = "cpu,reorder,jit:uni,undef,src:f32::blocked:acdb::f0 dst:f32::blocked:Acdb32a::f0,attr-scratchpad:user,,64x64x3x3,"
SAID = f"""onednn_verbose,v1,graph,info,template:operation,engine,partition_id,partition_kind,op_names,data_formats,logical_tensors,fpmath_mode,implementation,backend,exec_time
onednn_verbose,v1,primitive,create:cache_miss,{CONVOLUTION}0.351074
onednn_verbose,v1,primitive,create:cache_miss,{REORDER}0.271973
onednn_verbose,v1,primitive,exec,{REORDER}11.741
onednn_verbose,v1,primitive,exec,{CONVOLUTION}9.12012
onednn_verbose,v1,primitive,create:cache_hit,{CONVOLUTION}0.00415039
onednn_verbose,v1,primitive,create:cache_hit,{REORDER}0.00292969
onednn_verbose,v1,primitive,exec,{REORDER}0.0251465
onednn_verbose,v1,primitive,exec,{CONVOLUTION}8.03979
""".splitlines(keepends=True)


def test_what_was_created_and_run_is_counted_by_kind():
    assert events(SAID) == {"create:cache_miss convolution": 1, "create:cache_miss reorder": 1, "create:cache_hit convolution": 1, "create:cache_hit reorder": 1,
                            "exec convolution": 2, "exec reorder": 2}


def test_headings_and_what_others_print_count_for_nothing():
    assert events([SAID[0], "a warning, of a primitive, exec, cpu\n", "\n"]) == {}


def test_lines_with_a_time_stamp_count_as_those_without():
    """ONEDNN_VERBOSE_TIMESTAMP puts a field before "primitive"."""
    assert events([SAID[3].replace("v1,", "v1,1764266329000.5,")]) == {"exec reorder": 1}
