"""The functions of the C interface (runtime/include/sparsetrain/c/) that Python calls, as ctypes sees them."""
import ctypes
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_size_t, c_void_p


def structure(type_name, /, **fields):
    return type(type_name, (ctypes.Structure,), {"_fields_": list(fields.items()), "__slots__": ()})


Shape = structure("Shape", n=c_int32, c=c_int32, h=c_int32, w=c_int32)
WeightsShape = structure("WeightsShape", k=c_int32, c=c_int32, r=c_int32, s=c_int32)
LayerClass = structure("LayerClass", name=c_char_p, filter_h=c_int32, filter_w=c_int32, stride=c_int32, skips_zeros=c_int32,
                       backward_data=c_int32, reserved=c_int32)
ConvShape = structure("ConvShape", src=Shape, k=c_int32, filter_h=c_int32, filter_w=c_int32, stride=c_int32, top=c_int32,
                      left=c_int32, bottom=c_int32, right=c_int32)
ConvScalars = structure("ConvScalars", before=c_float, scale=c_float, after=c_float)
Run = structure("Run", **{"pass": c_int32}, kernel=c_int32, skipped=c_int32, skips=c_int32, is_trial=c_int32, reserved=c_int32,
                zeros=c_double)
Normalisation = structure("Normalisation", mean=c_void_p, variance=c_void_p, scale=c_void_p, shift=c_void_p, epsilon=c_float,
                          statistics=c_int32)
PoolWindow = structure("PoolWindow", height=c_int32, width=c_int32, stride_y=c_int32, stride_x=c_int32, top=c_int32,
                       left=c_int32, bottom=c_int32, right=c_int32)

MEMORY = c_void_p  # of tensors, masks, weights and arrays of channels: an address, or None
HANDLE = c_void_p
NEW_HANDLE = POINTER(c_void_p)
SHAPE, WEIGHTS_SHAPE, CONV_SHAPE = POINTER(Shape), POINTER(WeightsShape), POINTER(ConvShape)
NORM, WINDOW, SCALARS, RUN = POINTER(Normalisation), POINTER(PoolWindow), POINTER(ConvScalars), POINTER(Run)

# Functions that return a status, which becomes an exception unless it is 0.
CALLS = {
    "require_supported_cpu": (),
    "layer_class_info": (c_int32, POINTER(LayerClass)),
    "workspace_create": (c_int, c_void_p, c_void_p, NEW_HANDLE),
    "workspace_set_threads": (HANDLE, c_int),
    "conv_create": (CONV_SHAPE, c_char_p, c_char_p, NEW_HANDLE),
    "weights_create": (MEMORY, WEIGHTS_SHAPE, c_int, NEW_HANDLE),
    "conv_forward": (HANDLE, *[MEMORY] * 2, HANDLE, *[MEMORY] * 2, HANDLE, RUN),
    "conv_forward_relu": (HANDLE, *[MEMORY] * 2, HANDLE, *[MEMORY] * 3, HANDLE, RUN),
    "conv_backward_data": (HANDLE, *[MEMORY] * 2, HANDLE, *[MEMORY] * 2, HANDLE, RUN),
    "conv_backward_weights": (HANDLE, *[MEMORY] * 6, HANDLE, RUN),
    "fold_scalars": (CONV_SHAPE, MEMORY, SCALARS, *[MEMORY] * 3, HANDLE),
    "add_shift": (CONV_SHAPE, MEMORY, SCALARS, *[MEMORY] * 2, HANDLE),
    "add_shift_relu": (CONV_SHAPE, MEMORY, SCALARS, *[MEMORY] * 3, HANDLE),
    "unfold_gradients": (CONV_SHAPE, *[MEMORY] * 2, SCALARS, *[MEMORY] * 2, HANDLE, SCALARS),
    "batch_statistics": (SHAPE, *[MEMORY] * 3, HANDLE),
    "batch_norm": (SHAPE, MEMORY, NORM, MEMORY, HANDLE),
    "batch_norm_relu": (SHAPE, MEMORY, NORM, *[MEMORY] * 2, HANDLE),
    "batch_norm_add_relu": (SHAPE, MEMORY, NORM, *[MEMORY] * 3, HANDLE),
    "batch_norm_backward": (SHAPE, MEMORY, NORM, *[MEMORY] * 4, HANDLE),
    "batch_norm_relu_backward": (SHAPE, MEMORY, NORM, *[MEMORY] * 5, HANDLE),
    "batch_norm_add_relu_backward": (SHAPE, MEMORY, NORM, *[MEMORY] * 6, HANDLE),
    "relu_forward": (SHAPE, *[MEMORY] * 3, HANDLE),
    "relu_backward": (SHAPE, *[MEMORY] * 3, HANDLE),
    "add_relu": (SHAPE, *[MEMORY] * 4, HANDLE),
    "max_pool_forward": (SHAPE, WINDOW, *[MEMORY] * 4, HANDLE),
    "max_pool_backward": (SHAPE, WINDOW, *[MEMORY] * 5, HANDLE),
    "average_pool_forward": (SHAPE, WINDOW, c_int32, *[MEMORY] * 2, HANDLE),
    "average_pool_backward": (SHAPE, WINDOW, c_int32, *[MEMORY] * 2, HANDLE),
    "adaptive_average_pool_forward": (SHAPE, SHAPE, *[MEMORY] * 2, HANDLE),
    "adaptive_average_pool_backward": (SHAPE, SHAPE, *[MEMORY] * 2, HANDLE),
    "global_average_pool_forward": (SHAPE, *[MEMORY] * 2, HANDLE),
    "global_average_pool_backward": (SHAPE, *[MEMORY] * 3, HANDLE),
    "nchw_to_nchw16c": (SHAPE, *[MEMORY] * 2, HANDLE),
    "nchw16c_to_nchw": (SHAPE, *[MEMORY] * 2, HANDLE),
    "nhwc_to_nchw16c": (SHAPE, *[MEMORY] * 2, HANDLE),
    "nchw16c_to_nhwc": (SHAPE, *[MEMORY] * 2, HANDLE),
    "oihw_to_weights": (WEIGHTS_SHAPE, *[MEMORY] * 2, HANDLE),
    "weights_to_oihw": (WEIGHTS_SHAPE, *[MEMORY] * 2, HANDLE),
}

# All others: what they return, and what they take.
QUERIES = {
    "error_text": (c_char_p,),
    "c_version": (c_int,),
    "version": (c_char_p,),
    "halide_version": (c_char_p,),
    "instruction_set": (c_char_p,),
    "microarchitecture": (c_char_p,),
    "microarchitecture_name": (c_char_p, c_int32),
    "pass_name": (c_char_p, c_int32),
    "kernel_name": (c_char_p, c_int32),
    "operand_name": (c_char_p, c_int32),
    "policy_name": (c_char_p, c_int32),
    "layer_class_count": (c_int32,),
    "conv_supports": (c_int, CONV_SHAPE, c_int32),
    "tap_sums_bytes": (c_size_t, CONV_SHAPE),
    "conv_destroy": (None, HANDLE),
    "weights_destroy": (None, HANDLE),
    "workspace_destroy": (None, HANDLE),
    "has_openmp": (c_int,),
}
