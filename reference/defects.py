"""The ledger: what is wrong in `notebook.py`.  Pure data, tested entry by entry.

An entry is deleted in the commit that mends its fault.  Rounding that any kernel in the
same precision may have is no fault; neither is refusing what nobody promised to take.

The backward kernels stop at their first unbound name.  Their later faults are shown with
those names bound (`Witness.given`), as they are in a notebook where other cells ran first;
where an earlier fault hides a later one, `given` mends the earlier one and says so.

Witnesses use `ones(*shape)`, `count(*shape)` = 1, 2, 3, ..., `row(*values)` of shape
[1, 1, n, 1], which is an image or a filter of one row, and `pixel(*values)` of shape
[1, 1, 1, n], which is an image of one pixel with n channels.
"""

from dataclasses import dataclass

import numpy as np

from .witness import Raises, Returns, Witness, array, row


@dataclass(frozen=True)
class Defect:
    """One known fault of a literal kernel."""

    id: str
    """short, lower case, hyphens: how reports and tests refer to it"""
    kernel: str
    wrong: str
    """what is wrong in the code"""
    seen: str
    """what a user sees"""
    witness: Witness
    repair: str
    """the smallest change that mends it"""
    kept: str = ""
    """why the repaired kernel still shows the fault; empty where it does not, and for the
    forward kernels, of which there is no repaired version"""


_CHECKS = "the repair adds no checks: arguments of the promised shapes are treated right"
_RESULT = "the notebook's result is an array of the shape of `fltrs`; the repair keeps that"

_CONV_CALL = "conv_back_prop(row(1), row(1), (1, 1), row(1), row(1), row(1), (1, 1))"
_TRANSPOSE_CALL = (
    "conv_transpose_back_prop(row(1, 1), row(1), (1, 1), row(1, 1), row(1, 2), row(1), (1, 1))"
)

# Names that leave `conv_back_prop` nothing to stumble over, for a filter of one tap.
_FILTER = {"filters": "row(1)"}

# The same for `conv_transpose_back_prop`: one tap, one channel, input of two columns.
_ONES = dict.fromkeys(("B", "outCH", "inCH", "inH", "sH", "sW", "fH", "fW"), "1")
_EXTENTS = _ONES | {"inW": "2", "z": "np.zeros((1, 1, 1, 1))"}

# fmt: off
# A table, laid out by hand: one fault after the other, forward kernels first.

_CONVOLUTION = (
    Defect("convolution-too-few-channels", "convolution",
        wrong="the filter's channel count is unpacked and never compared with the input's",
        seen="a filter with surplus channels is accepted in silence; they are ignored (here 20)",
        witness=Witness(
            "convolution(pixel(1), np.array([10, 20]).reshape(2, 1, 1, 1), (1, 1))", row(10.0)),
        repair="raise ValueError unless the two counts are equal"),
    Defect("convolution-too-many-channels", "convolution",
        wrong="the filter's channel count is unpacked and never compared with the input's",
        seen="an IndexError about an axis 0, which in the user's input is the batch",
        witness=Witness("convolution(pixel(1, 2), row(1), (1, 1))", Raises("IndexError")),
        repair="raise ValueError unless the two counts are equal"),
    Defect("convolution-filter-larger-empty", "convolution",
        wrong="nothing asks whether the filter fits; int() makes 0 of an extent between -1 and 1",
        seen="an empty array in silence if the filter is larger by less than two strides",
        witness=Witness(
            "convolution(row(1, 2), row(1, 2, 3), (1, 1))",
            Returns("float64", (1, 1, 0, 1), [[[]]])),
        repair="raise ValueError where the filter is larger than the input"),
    Defect("convolution-filter-larger-negative", "convolution",
        wrong="nothing asks whether the filter fits; the output's extent comes out negative",
        seen="a ValueError about negative dimensions, with no word of filter or input",
        witness=Witness("convolution(row(1), row(1, 2, 3), (1, 1))", Raises("ValueError")),
        repair="raise ValueError where the filter is larger than the input, and say so"),
    Defect("convolution-extent-by-float", "convolution",
        wrong="the output's extent is computed by float division and rounds up to 1",
        seen="with a huge stride, 1*1 + 1*2 = 3 from a filter that does not fit: no right answer",
        witness=Witness("convolution(row(1), row(1, 2), (1, 2**54))", row(3.0)),
        repair="(W - f_W) // strd_W + 1"),
    Defect("convolution-stride-zero", "convolution",
        wrong="the stride is a divisor before anything has looked at it",
        seen="ZeroDivisionError; with NumPy's zero an OverflowError, or a ValueError about NaN",
        witness=Witness("convolution(row(1), row(1), (1, 0))", Raises("ZeroDivisionError")),
        repair="raise ValueError unless both strides are at least 1"),
    Defect("convolution-stride-negative", "convolution",
        wrong="negative strides are not refused; a window is cut to one column and broadcasts",
        seen="7*1 + 7*2 = 21, twice, from a filter larger than the input: no right answer",
        witness=Witness("convolution(row(7), row(1, 2), (1, -1))", row(21.0, 21.0)),
        repair="raise ValueError unless both strides are at least 1"),
    Defect("convolution-stride-wraps", "convolution",
        wrong="a window's start is computed in the stride's own dtype",
        seen="the third window starts at 256 mod 256 = 0: 1 where 257 is right",
        witness=Witness(
            "convolution(count(1, 1, 257, 1), row(1), (1, np.uint8(128)))",
            row(1.0, 129.0, 1.0, warning="RuntimeWarning")),
        repair="strd_H, strd_W = int(strd_H), int(strd_W)"),
    Defect("convolution-integers-wrap", "convolution",
        wrong="products are made in the dtype of the inputs",
        seen="0 for 16 * 16 in int8 and in uint8, where 256 is right; no warning",
        witness=Witness(
            "convolution(row(16, dtype=np.int8), row(16, dtype=np.int8), (1, 1))", row(0.0)),
        repair="convert both arrays to float64 first"),
    Defect("convolution-complex", "convolution",
        wrong="the output is float64 whatever comes in",
        seen="1.0 and a ComplexWarning, where 1+2j is right; likewise rounds int64 above 2**53",
        witness=Witness(
            "convolution(row(1 + 2j, dtype=complex), row(1), (1, 1))",
            row(1.0, warning="ComplexWarning")),
        repair="make the output in the dtype of x * ftr, or refuse complex input"),
    Defect("convolution-accumulates-narrow", "convolution",
        wrong="the result is float64, but channels are added up in the precision of the inputs",
        seen="16777216 in float32, where 16777218 is right; in float16 overflow to infinity",
        witness=Witness(
            "convolution(pixel(2**24, 1, 1, dtype=np.float32), ones(3, 1, 1, 1,"
            " dtype=np.float32), (1, 1))", row(16777216.0)),
        repair="convert both arrays to float64 first"),
)

_CONVOLUTION_TRANSPOSE = (
    Defect("transpose-too-few-channels", "convolution_transpose",
        wrong="the filter's channel count is unpacked and never compared with the input's",
        seen="a filter with surplus channels is accepted in silence; they are ignored (here 20)",
        witness=Witness(
            "convolution_transpose(pixel(1), np.array([10, 20]).reshape(2, 1, 1, 1), (1, 1))",
            row(10.0)),
        repair="raise ValueError unless the two counts are equal"),
    Defect("transpose-too-many-channels", "convolution_transpose",
        wrong="the filter's channel count is unpacked and never compared with the input's",
        seen="an IndexError about an axis 0, which in the user's input is the batch",
        witness=Witness("convolution_transpose(pixel(1, 2), row(1), (1, 1))", Raises("IndexError")),
        repair="raise ValueError unless the two counts are equal"),
    Defect("transpose-stride-zero", "convolution_transpose",
        wrong="a stride of 0, which no convolution can have, is not refused",
        seen="1 + 2 = 3: all windows land on one place, in silence",
        witness=Witness("convolution_transpose(row(1, 2), row(1), (1, 0))", row(3.0)),
        repair="raise ValueError unless both strides are at least 1"),
    Defect("transpose-stride-negative", "convolution_transpose",
        wrong="negative strides are not refused",
        seen="an empty array in silence; with larger filters a ValueError about broadcasting",
        witness=Witness(
            "convolution_transpose(row(1, 2), row(1), (1, -1))",
            Returns("float64", (1, 1, 0, 1), [[[]]])),
        repair="raise ValueError unless both strides are at least 1"),
    Defect("transpose-stride-wraps", "convolution_transpose",
        wrong="extents and starts of windows are computed in the stride's own dtype",
        seen="one column, 1 + 3, where 257 are right: 1, 2 and 3 at columns 0, 128 and 256",
        witness=Witness(
            "convolution_transpose(row(1, 2, 3), row(1), (1, np.uint8(128)))",
            row(4.0, warning="RuntimeWarning")),
        repair="strd_H, strd_W = int(strd_H), int(strd_W)"),
    Defect("transpose-empty-input", "convolution_transpose",
        wrong="(W - 1)*strd_W + f_W is taken for the extent of the output where W is 0 too",
        seen="two columns of zeros out of an image that has none; negative with larger strides",
        witness=Witness(
            "convolution_transpose(ones(1, 1, 0, 1), row(1, 2, 3), (1, 1))", row(0.0, 0.0)),
        repair="raise ValueError where the input has no rows or no columns"),
    Defect("transpose-integers-wrap", "convolution_transpose",
        wrong="products, and their sum over channels, are made in the dtype of the inputs",
        seen="-56 for 100 + 100 in int8, where 200 is right; no warning",
        witness=Witness(
            "convolution_transpose(pixel(100, 100, dtype=np.int8), ones(2, 1, 1, 1,"
            " dtype=np.int8), (1, 1))", row(-56.0)),
        repair="convert both arrays to float64 first"),
    Defect("transpose-complex", "convolution_transpose",
        wrong="the output is float64 whatever comes in",
        seen="a TypeError about casting, where 1+2j is right; int64 above 2**53 is rounded",
        witness=Witness(
            "convolution_transpose(row(1 + 2j, dtype=complex), row(1), (1, 1))",
            Raises("UFuncTypeError")),
        repair="make the output in the dtype of x * ftr, or refuse complex input in words"),
    Defect("transpose-accumulates-narrow", "convolution_transpose",
        wrong="the result is float64, but channels are added up in the precision of the inputs",
        seen="infinity in float16, where 60000 is right; in float32 ones are lost beside 2**24",
        witness=Witness(
            "convolution_transpose(pixel(60000, 60000, -60000, dtype=np.float16), ones(3, 1, 1,"
            " 1, dtype=np.float16), (1, 1))", row(np.inf, warning="RuntimeWarning")),
        repair="convert both arrays to float64 first"),
)

_CONV_BACK_PROP = (
    Defect("unbound-filters", "conv_back_prop",
        wrong="reads the shape of `filters`; the parameter is called `fltrs`",
        seen="every call ends in NameError, unless another cell bound `filters`",
        witness=Witness(_CONV_CALL, Raises("NameError", "name 'filters' is not defined")),
        repair="read `fltrs.shape`"),
    Defect("unbound-inputs", "conv_back_prop",
        wrong="cuts its windows from `inputs`; the parameter is called `x`",
        seen="NameError at the first window, unless another cell bound `inputs`",
        witness=Witness(
            _CONV_CALL, Raises("NameError", "name 'inputs' is not defined"), given=_FILTER),
        repair="read `x`"),
    Defect("back-prop-leftover-inputs", "conv_back_prop",
        wrong="the parameter `x` is never read",
        seen="10, in silence, where 3 is right: `inputs` was left over from another layer",
        witness=Witness(
            "conv_back_prop(row(1), row(1), (1, 1), row(1), x=row(3), fltrs=row(1), strd=(1, 1))",
            row(10.0), given=_FILTER | {"inputs": "row(10)"}),
        repair="read `x`"),
    Defect("back-prop-wrong-operation", "conv_back_prop",
        wrong="carries fore_delta back by `convolution`; it takes `convolution_transpose`",
        seen="7 + 8 + 9 = 24, where 7 + 5*9 = 52 is right; often ValueError",
        witness=Witness(
            "conv_back_prop(fore_delta=row(1, 5), fore_w=row(1), fore_strd=(1, 2), d_act=row(1,"
            " 1, 1), x=row(7, 8, 9), fltrs=row(1), strd=(1, 1))",
            row(24.0), given=_FILTER | {"inputs": "row(7, 8, 9)"}),
        repair="call `convolution_transpose`, which the notebook's docstring asks for"),
    Defect("back-prop-remainder", "conv_back_prop",
        wrong="what layer l+1 never read is not filled with zeros (the operation is mended here)",
        seen="5*7 + 5*8 = 75, where column 1 is not read and 5*7 = 35 is right; often ValueError",
        witness=Witness(
            "conv_back_prop(fore_delta=row(5), fore_w=row(1), fore_strd=(1, 2), d_act=row(1, 1),"
            " x=row(7, 8), fltrs=row(1), strd=(1, 1))",
            row(75.0),
            given=_FILTER | {"inputs": "row(7, 8)", "convolution": "convolution_transpose"}),
        repair="write the result into zeros of the shape of d_act"),
    Defect("back-prop-channels-equal", "conv_back_prop",
        wrong="the channel axes of fore_w are not exchanged, which fits as they are equal",
        seen="(1 + 30, 2 + 40) in silence, where (1 + 20, 3 + 40) is right",
        witness=Witness(
            "conv_back_prop(fore_delta=pixel(1, 10), fore_w=count(2, 1, 1, 2), fore_strd=(1, 1),"
            " d_act=pixel(1, 1), x=row(1), fltrs=pixel(1, 1), strd=(1, 1))",
            array([[[[31.0, 42.0]]]]), given={"filters": "pixel(1, 1)", "inputs": "row(1)"}),
        repair="hand on fore_w.transpose(3, 1, 2, 0)"),
    Defect("back-prop-channels-unequal", "conv_back_prop",
        wrong="the channel axes of fore_w are not exchanged",
        seen="IndexError, where 1*3 + 10*4 = 43 is right; in silence if layer l+1 has fewer out",
        witness=Witness(
            "conv_back_prop(fore_delta=pixel(1, 10), fore_w=pixel(3, 4), fore_strd=(1, 1),"
            " d_act=row(1), x=row(1), fltrs=row(1), strd=(1, 1))",
            Raises("IndexError"), given=_FILTER | {"inputs": "row(1)"}),
        repair="hand on fore_w.transpose(3, 1, 2, 0)"),
    Defect("back-prop-one-pairing", "conv_back_prop",
        wrong="layer l+1 can only be a convolution; nothing says so and nothing selects",
        seen="no way to get the gradient before a transposed convolution (a decoder's first)",
        witness=Witness(
            "conv_back_prop(row(1), row(1), (1, 1), row(1), row(1), row(1), (1, 1),"
            " fore_layer='convolution_transpose')",
            Raises("TypeError", "fore_layer"), given=_FILTER | {"inputs": "row(1)"}),
        repair="a keyword that names the operation of layer l+1"),
    Defect("back-prop-delta-lost", "conv_back_prop",
        wrong="delta is computed and not returned",
        seen="layer l-1 has nothing to start from: only the filter's gradient comes back",
        witness=Witness(
            "(lambda gradient, delta: delta)(*conv_back_prop(row(1), row(1), (1, 1), row(1),"
            " row(1), row(1), (1, 1)))",
            Raises("TypeError", "delta"), given=_FILTER | {"inputs": "row(1)"}),
        repair="return delta beside z",
        kept=_RESULT),
    Defect("back-prop-stride-zero", "conv_back_prop",
        wrong="strides are not checked, here not even by a division",
        seen="1 + 1 = 2 in silence: the window of column 0 twice; no convolution has stride 0",
        witness=Witness(
            "conv_back_prop(row(1, 1), row(1), (1, 1), row(1, 1), x=row(1, 2), fltrs=row(1),"
            " strd=(1, 0))",
            row(2.0),
            given=_FILTER | {"inputs": "row(1, 2)", "convolution": "convolution_transpose"}),
        repair="raise ValueError unless all strides are at least 1",
        kept=_CHECKS),
    Defect("back-prop-batch-short", "conv_back_prop",
        wrong="the batch of delta is not compared with that of the input",
        seen="3 in silence, as if the second image, 50, were not there; no right answer",
        witness=Witness(
            "conv_back_prop(row(1), row(1), (1, 1), row(1), "
            "x=np.array([3, 50]).reshape(2, 1, 1, 1), fltrs=row(1), strd=(1, 1))",
            row(3.0), given=_FILTER | {"inputs": "np.array([3, 50]).reshape(2, 1, 1, 1)"}),
        repair="raise ValueError unless the batches are equal",
        kept=_CHECKS),
    Defect("back-prop-d-act-broadcasts", "conv_back_prop",
        wrong="the shape of d_act is not compared with that of the error",
        seen="2*1 + 2*1 = 4 in silence: both images get one derivative; nobody is told",
        witness=Witness(
            "conv_back_prop(ones(2, 1, 1, 1), row(1), (1, 1), d_act=row(2), x=ones(2, 1, 1, 1),"
            " fltrs=row(1), strd=(1, 1))",
            row(4.0), given=_FILTER | {"inputs": "ones(2, 1, 1, 1)"}),
        repair="raise ValueError unless the shapes are equal"),
    Defect("back-prop-window-cut", "conv_back_prop",
        wrong="the extents of delta are not compared with those of the layer's output",
        seen="(1 + 2, 2 + 2) in silence: the second window is cut and broadcasts; no right answer",
        witness=Witness(
            "conv_back_prop(row(1, 1), row(1), (1, 1), row(1, 1), x=row(1, 2), fltrs=row(1, 1),"
            " strd=(1, 1))", row(3.0, 4.0), given={"filters": "row(1, 1)", "inputs": "row(1, 2)"}),
        repair="raise ValueError unless delta has the shape of the layer's output",
        kept=_CHECKS),
    Defect("back-prop-delta-channels", "conv_back_prop",
        wrong="OUTCH is taken from the filter and overwritten by the channels of delta",
        seen="(3, 0) in silence: the second channel's gradient stays zero; no right answer",
        witness=Witness(
            "conv_back_prop(row(1), row(1), (1, 1), row(1), x=row(3), fltrs=pixel(1, 1),"
            " strd=(1, 1))",
            array([[[[3.0, 0.0]]]]), given={"filters": "pixel(1, 1)", "inputs": "row(3)"}),
        repair="raise ValueError unless the two counts are equal",
        kept=_CHECKS),
    Defect("back-prop-integer-filter", "conv_back_prop",
        wrong="the result takes the dtype of fltrs, of which only the shape matters",
        seen="a TypeError about casting (NumPy's UFuncTypeError), where 3 is right",
        witness=Witness(
            "conv_back_prop(row(1), row(1), (1, 1), row(1), x=row(3), fltrs=row(1, dtype=int),"
            " strd=(1, 1))", Raises("UFuncTypeError"), given=_FILTER | {"inputs": "row(3)"}),
        repair="np.zeros(fltrs.shape)",
        kept=_RESULT + ", dtype included"),
    Defect("back-prop-accumulates-narrow", "conv_back_prop",
        wrong="float64 terms are summed in the dtype of fltrs, of which only the shape matters",
        seen="16777216, where 16777218 is right: float32 swallows each of the two ones",
        witness=Witness(
            "conv_back_prop(row(1, 1, 1), row(1), (1, 1), row(1, 1, 1), x=row(2**24, 1, 1),"
            " fltrs=row(1, dtype=np.float32), strd=(1, 1))",
            row(16777216.0, dtype="float32"), given=_FILTER | {"inputs": "row(2**24, 1, 1)"}),
        repair="np.zeros(fltrs.shape), converted at the end",
        kept=_RESULT + ", dtype included"),
)

_CONV_TRANSPOSE_BACK_PROP = (
    Defect("unbound-batch", "conv_transpose_back_prop",
        wrong="`B` is never bound",
        seen="every call ends in NameError, unless another cell bound `B`",
        witness=Witness(_TRANSPOSE_CALL, Raises("NameError", "name 'B' is not defined")),
        repair="take it from x.shape"),
    Defect("unbound-extents", "conv_transpose_back_prop",
        wrong="`outCH`, `inCH`, `inH`, `inW`, `sH`, `sW`, `fH` and `fW` are never bound",
        seen="NameError, unless another cell bound them",
        witness=Witness(
            _TRANSPOSE_CALL, Raises("NameError", "name 'outCH' is not defined"), given={"B": "1"}),
        repair="take them from fltrs.shape, x.shape and strd"),
    Defect("result-never-made", "conv_transpose_back_prop",
        wrong="`z`, to which every term is added, is never made",
        seen="NameError at the first term, unless another cell left a `z`",
        witness=Witness(
            _TRANSPOSE_CALL,
            Raises("NameError", "name 'z' is not defined"),
            given={name: text for name, text in _EXTENTS.items() if name != "z"}),
        repair="z = np.zeros_like(fltrs)"),
    Defect("result-shared", "conv_transpose_back_prop",
        wrong="a `z` left over is added to and returned, the same array every time",
        seen="two calls give 6 and 6, where 3 and 3 is right: the second changes the first",
        witness=Witness(
            "[conv_transpose_back_prop(row(1, 1), row(1), (1, 1), row(1, 1), row(1, 2), row(1),"
            " (1, 1)) for call in range(2)]", array([[[[[6.0]]]], [[[[6.0]]]]]), given=_EXTENTS),
        repair="z = np.zeros_like(fltrs)"),
    Defect("leftover-extents", "conv_transpose_back_prop",
        wrong="the parameters `fltrs` and `strd` are never read",
        seen="1*7 + 2*8 = 23, where 1*7 + 2*9 = 25 is right: a stride of 1 was left over",
        witness=Witness(
            "conv_transpose_back_prop(row(7, 8, 9), row(1), (1, 1), row(1, 1, 1), x=row(1, 2),"
            " fltrs=row(1), strd=(1, 2))", row(23.0), given=_EXTENTS),
        repair="take the strides from strd and the extents from fltrs.shape"),
    Defect("transpose-back-prop-channels-equal", "conv_transpose_back_prop",
        wrong="the channel axes of fore_w are not exchanged, which fits as they are equal",
        seen="(1 + 30, 2 + 40) in silence, where (1 + 20, 3 + 40) is right",
        witness=Witness(
            "conv_transpose_back_prop(fore_delta=pixel(1, 10), fore_w=count(2, 1, 1, 2),"
            " fore_strd=(1, 1), d_act=pixel(1, 1), x=row(1), fltrs=pixel(1, 1), strd=(1, 1))",
            array([[[[31.0, 42.0]]]]),
            given=_EXTENTS | {"inW": "1", "outCH": "2", "z": "np.zeros((1, 1, 1, 2))"}),
        repair="hand on fore_w.transpose(3, 1, 2, 0)"),
    Defect("transpose-back-prop-channels-unequal", "conv_transpose_back_prop",
        wrong="the channel axes of fore_w are not exchanged",
        seen="IndexError, where 1*3 + 10*4 = 43 is right; in silence if layer l+1 has fewer out",
        witness=Witness(
            "conv_transpose_back_prop(fore_delta=pixel(1, 10), fore_w=pixel(3, 4), "
            "fore_strd=(1, 1), d_act=row(1), x=row(1), fltrs=row(1), strd=(1, 1))",
            Raises("IndexError"), given=_EXTENTS | {"inW": "1"}),
        repair="hand on fore_w.transpose(3, 1, 2, 0)"),
    Defect("transpose-back-prop-one-pairing", "conv_transpose_back_prop",
        wrong="layer l+1 can only be a transposed convolution; nothing says so, nothing selects",
        seen="no way to get the gradient before a convolution (a decoder's output layer)",
        witness=Witness(
            "conv_transpose_back_prop(row(1), row(1), (1, 1), row(1), row(1), row(1), (1, 1),"
            " fore_layer='convolution')",
            Raises("TypeError", "fore_layer"), given=_EXTENTS | {"inW": "1"}),
        repair="a keyword that names the operation of layer l+1"),
    Defect("transpose-back-prop-delta-lost", "conv_transpose_back_prop",
        wrong="delta is computed and not returned",
        seen="layer l-1 has nothing to start from: only the filter's gradient comes back",
        witness=Witness(
            "(lambda gradient, delta: delta)(*conv_transpose_back_prop(row(1), row(1), (1, 1),"
            " row(1), row(1), row(1), (1, 1)))",
            Raises("TypeError", "delta"), given=_EXTENTS | {"inW": "1"}),
        repair="return delta beside z",
        kept=_RESULT),
    Defect("transpose-back-prop-fore-delta-broadcasts", "conv_transpose_back_prop",
        wrong="fore_delta `must be same shape as output`: layer l's is accepted too, and wrong",
        seen="4*(1 + 2) = 12 in silence: one error for both columns; no right answer",
        witness=Witness(
            "conv_transpose_back_prop(fore_delta=row(1, 1), fore_w=row(1, 3), fore_strd=(1, 1),"
            " d_act=row(1, 1), x=row(1, 2), fltrs=row(1), strd=(1, 1))", row(12.0), given=_EXTENTS),
        repair="raise ValueError unless the error has the shape of d_act",
        kept=_CHECKS),
    Defect("transpose-back-prop-d-act-broadcasts", "conv_transpose_back_prop",
        wrong="the shape of d_act is not compared with that of the error",
        seen="5*1 + 5*2 = 15 in silence: both columns get one derivative; nobody is told",
        witness=Witness(
            "conv_transpose_back_prop(row(1, 1), row(1), (1, 1), d_act=row(5), x=row(1, 2),"
            " fltrs=row(1), strd=(1, 1))", row(15.0), given=_EXTENTS),
        repair="raise ValueError unless the shapes are equal",
        kept=_CHECKS),
    Defect("transpose-back-prop-window-cut", "conv_transpose_back_prop",
        wrong="the extents of delta are not compared with those of the layer's output",
        seen="(1 + 2, 1 + 2) in silence: the second window is cut and broadcasts; no right answer",
        witness=Witness(
            "conv_transpose_back_prop(row(1, 1), row(1), (1, 1), row(1, 1), x=row(1, 2),"
            " fltrs=row(1, 1), strd=(1, 1))",
            row(3.0, 3.0), given=_EXTENTS | {"fW": "2", "z": "np.zeros((1, 1, 2, 1))"}),
        repair="raise ValueError unless delta has the shape of the layer's output",
        kept=_CHECKS),
)

# fmt: on

LEDGER: tuple[Defect, ...] = (
    _CONVOLUTION + _CONVOLUTION_TRANSPOSE + _CONV_BACK_PROP + _CONV_TRANSPOSE_BACK_PROP
)
