"""A convolution by JAX, which compiles it for each shape and dtype."""

from functools import partial

from jax import jit, lax


@partial(jit, static_argnames=("strd", "padding", "dilation", "groups"))
def convolution(x, ftr, strd, padding, dilation, groups, bias):
    z = lax.conv_general_dilated(
        x,
        ftr,
        strd,
        padding,
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "IHWO", "NHWC"),
    )
    return z if bias is None else z + bias
