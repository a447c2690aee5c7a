"""The domain map: arguments outside the common domain, and what becomes of them.

Inside the common domain (4-D real floating arrays, matching channels, integer strides of
at least one, filters no larger than the input) the notebook's kernels and PyTorch must
agree.  Outside it this table says what each does.  Pure data, tested entry by entry.

Results are compared as numbers: the notebook's are float64, PyTorch's have the dtype of
its arguments.  "Silently" means that no exception is raised; where there was a warning,
the outcome names it.  Names used by the witnesses are explained in `defects`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .witness import Outcome, Raises, Returns, Value, Witness, array, row

DomainVerdict = Literal[
    "agrees",
    "both refuse",
    "both silently wrong",
    "notebook silently wrong",
    "notebook refuses",
    "notebook alone answers",
    "PyTorch silently wrong",
]

NOTHING = "nothing"
"""`DomainEntry.right` where the arguments have no meaning, so that any answer is wrong"""


@dataclass(frozen=True)
class DomainEntry:
    """One kind of argument outside the common domain."""

    id: str
    """short, lower case, hyphens; starts with the kind of argument"""
    operation: str
    argument: str
    """what is unusual about the arguments, in words"""
    notebook: Witness
    """a call of the literal kernel (or of `repaired_...` where the literal backward
    kernel cannot run)"""
    pytorch: Witness
    """the same arguments handed to PyTorch, layouts mapped and dtypes kept"""
    verdict: DomainVerdict
    comment: str
    """why, and what a user should do"""
    right: Value | None = None
    """the right values, or NOTHING; None where whoever answered answered rightly"""


@dataclass(frozen=True)
class _Seen:
    """What became of one pair of calls."""

    notebook: Outcome
    pytorch: Outcome
    verdict: DomainVerdict
    right: Value | None = None


_REFUSED = Raises("RuntimeError")
_UNSUPPORTED = Raises("NotImplementedError")
_TORCH = {"convolution": "conv2d", "convolution_transpose": "conv_transpose2d"}


def _agree(notebook: Returns, pytorch: Returns | None = None) -> _Seen:
    return _Seen(notebook, pytorch or notebook, "agrees")


def _neither(notebook: Raises, pytorch: Raises = _REFUSED) -> _Seen:
    return _Seen(notebook, pytorch, "both refuse")


def _refuses(notebook: Raises, pytorch: Returns) -> _Seen:
    return _Seen(notebook, pytorch, "notebook refuses")


def _alone(notebook: Returns, pytorch: Raises = _REFUSED) -> _Seen:
    return _Seen(notebook, pytorch, "notebook alone answers")


def _wrong(notebook: Returns, pytorch: Outcome = _REFUSED, right: Value = NOTHING) -> _Seen:
    """Return a wrong answer of the notebook; where PyTorch answers, it is right."""
    right = pytorch.values if isinstance(pytorch, Returns) else right
    return _Seen(notebook, pytorch, "notebook silently wrong", right)


def _empty(*shape: int) -> Returns:
    return Returns("float64", shape, np.zeros(shape).tolist())


def _forward(
    kind: str,
    argument: str,
    arguments: str,
    *,
    comment: str,
    convolution: _Seen | None = None,
    transpose: _Seen | None = None,
    both: _Seen | None = None,
    as_is: bool = False,
) -> tuple[DomainEntry, ...]:
    """Return the entries of one kind for those forward operations that are given."""
    return tuple(
        DomainEntry(
            f"{kind}-{name}",
            operation,
            argument,
            Witness(f"{operation}({arguments})", seen.notebook),
            Witness(f"{_TORCH[operation]}{'_as_is' * as_is}({arguments})", seen.pytorch),
            seen.verdict,
            comment,
            seen.right,
        )
        for name, operation, seen in (
            ("convolution", "convolution", convolution or both),
            ("transpose", "convolution_transpose", transpose or both),
        )
        if seen
    )


# A call of a backward kernel inside the common domain; entries say what they change.
_COMMON = {
    "fore_delta": "row(1)",
    "fore_w": "row(1)",
    "fore_strd": "(1, 1)",
    "d_act": "row(1)",
    "x": "row(3)",
    "strd": "(1, 1)",
}


def _backward(
    kind: str,
    argument: str,
    changes: dict[str, str],
    *,
    comment: str,
    convolution: _Seen | None = None,
    transpose: _Seen | None = None,
    both: _Seen | None = None,
    fltrs: str = "row(1)",
) -> tuple[DomainEntry, ...]:
    """Return the entries of one kind for both backward kernels, repaired."""
    common = ", ".join(f"{name}={text}" for name, text in (_COMMON | changes).items())
    return tuple(
        DomainEntry(
            f"{kind}-{name}",
            name,
            argument,
            Witness(f"repaired_{name}({common}, fltrs={fltrs})", seen.notebook),
            Witness(
                f'two_layer_filter_gradient("{layer}", "{layer}", {common},'
                f" ftr_shape={fltrs}.shape)",
                seen.pytorch,
            ),
            seen.verdict,
            comment,
            seen.right,
        )
        for name, layer, seen in (
            ("conv_back_prop", "convolution", convolution or both),
            ("conv_transpose_back_prop", "convolution_transpose", transpose or both),
        )
        if seen
    )


def _wraps(dtype: str, bits: int) -> tuple[DomainEntry, ...]:
    """Return the entries about one product that needs a bit more than the dtype has."""
    factor = f"row(2**{bits // 2}, dtype=np.{dtype})"
    right: Value = [[[[2**bits]]]]
    alone = _wrong(row(0.0), _UNSUPPORTED, right)
    both = _Seen(row(0.0), row(0, dtype=dtype), "both silently wrong", right)
    return _forward(
        f"{dtype}-wraps",
        f"{dtype}, and a product beyond it",
        f"{factor}, {factor}, (1, 1)",
        convolution=alone if dtype in {"uint16", "uint32", "uint64"} else both,
        transpose=both if dtype == "int64" else alone,
        comment="integer products wrap without a word wherever they are made; use float64",
    )


# fmt: off
# A table, laid out by hand: kind, argument; the call; what comes of it; why.

_SHAPES = (
    *_forward("channels-too-few", "the filter has more input channels than the input",
        "pixel(1), np.array([10.0, 20.0]).reshape(2, 1, 1, 1), (1, 1)", both=_wrong(row(10.0)),
        comment="the notebook ignores the filter's surplus; compare the counts before the call"),
    *_forward("channels-too-many", "the input has more channels than the filter",
        "pixel(1, 2), row(1), (1, 1)", both=_neither(Raises("IndexError")),
        comment="the notebook by accident, at the first channel that the filter lacks"),
    *_forward("channels-none-in", "no input channel",
        "ones(1, 1, 2, 0), ones(0, 1, 1, 1), (1, 1)",
        convolution=_Seen(row(0.0, 0.0), _empty(1, 1, 2, 0), "PyTorch silently wrong",
            [[[[0.0], [0.0]]]]),
        transpose=_alone(row(0.0, 0.0)),
        comment="an empty sum is zero; conv2d returns no output channel where there is one"),
    *_forward("channels-none-out", "no output channel",
        "row(1, 2), ones(1, 1, 1, 0), (1, 1)", both=_alone(_empty(1, 1, 2, 0)),
        comment="an empty result of the right shape"),
    *_forward("batch-empty", "no image",
        "ones(0, 1, 2, 1), row(1), (1, 1)", both=_agree(_empty(0, 1, 2, 1)),
        comment="both return an empty batch of the right shape"),
    *_forward("extent-none-input", "images without columns",
        "ones(1, 1, 0, 1), row(1, 2, 3), (1, 1)", convolution=_neither(Raises("ValueError")),
        transpose=_wrong(row(0.0, 0.0)),
        comment="the notebook takes (W - 1)*SW + FW for the output's width though W is 0"),
    *_forward("extent-none-filter", "a filter without columns",
        "row(1, 2), ones(1, 1, 0, 1), (1, 1)", convolution=_alone(row(0.0, 0.0, 0.0)),
        transpose=_alone(row(0.0)),
        comment="empty sums, at as many places as the formula has; PyTorch wants a tap"),
    *_forward("filter-larger-below-stride", "a filter larger than the input by less than a stride",
        "row(1, 2), row(1, 2, 3), (1, 2)", convolution=_wrong(_empty(1, 1, 0, 1)),
        comment="an empty result; it stays empty up to two strides, for int() rounds to zero"),
    *_forward("filter-larger", "a filter larger than the input by two strides or more",
        "row(1), row(1, 2, 3), (1, 1)", convolution=_neither(Raises("ValueError")),
        comment="the notebook by accident: NumPy takes no negative dimensions"),
    *_forward("dimensions-three", "one image without a batch",
        "row(1, 2)[0], row(1), (1, 1)", as_is=True,
        both=_refuses(Raises("ValueError"), array([[[1.0], [2.0]]])),
        comment="PyTorch takes it for a batch of one and returns three dimensions; add the axis"),
    *_forward("dimensions-five", "an axis too many",
        "row(1, 2)[np.newaxis], row(1), (1, 1)", as_is=True, both=_neither(Raises("ValueError")),
        comment="neither has volumes here"),
)

_STRIDES = (
    *_forward("stride-zero", "a stride of 0",
        "row(1, 2), row(1), (1, 0)", convolution=_neither(Raises("ZeroDivisionError")),
        transpose=_wrong(row(3.0)),
        comment="transposed, the notebook adds all windows up in one place"),
    *_forward("stride-zero-numpy", "a stride of NumPy's 0",
        "row(1, 2), row(1), (1, np.int64(0))", convolution=_neither(Raises("OverflowError")),
        comment="NumPy divides by it, so int() is asked for infinity; equal sizes ask it for NaN"),
    *_forward("stride-negative", "a negative stride and a filter larger than the input",
        "row(7), row(1, 2), (1, -1)", convolution=_wrong(row(21.0, 21.0)),
        comment="windows are cut at the edge and broadcast; flip the array instead"),
    *_forward("stride-negative", "a negative stride",
        "row(1, 2), row(1), (1, -1)", transpose=_wrong(_empty(1, 1, 0, 1)),
        comment="an empty result, with larger filters a ValueError; flip the array instead"),
    *_forward("stride-float", "strides that are whole numbers, as floats",
        "row(1, 2), row(1), (1.0, 1.0)", both=_neither(Raises("TypeError"), Raises("TypeError")),
        comment="neither rounds; convert to int"),
    *_forward("stride-single", "one number for both strides",
        "row(1, 2), row(1), 1", both=_refuses(Raises("TypeError"), row(1.0, 2.0)),
        comment="PyTorch's shorthand; write the pair"),
    *_forward("stride-three", "three strides",
        "row(1, 2), row(1), (1, 1, 1)", both=_neither(Raises("ValueError")),
        comment="a stride is a pair"),
    *_forward("stride-list", "strides in a list",
        "row(1, 2, 3), row(1), [1, 2]", convolution=_agree(row(1.0, 3.0)),
        transpose=_agree(row(1.0, 0.0, 2.0, 0.0, 3.0)),
        comment="any sequence of two does"),
    *_forward("stride-numpy", "NumPy integers as strides",
        "row(1, 2, 3), row(1), (np.int64(1), np.int64(2))", convolution=_agree(row(1.0, 3.0)),
        transpose=_agree(row(1.0, 0.0, 2.0, 0.0, 3.0)),
        comment="safe in 64 bits only, see stride-narrow"),
    *_forward("stride-narrow", "a stride in 8 bits and an image that reaches beyond them",
        "count(1, 1, 257, 1), row(1), (1, np.uint8(128))",
        convolution=_wrong(row(1.0, 129.0, 1.0, warning="RuntimeWarning"), row(1.0, 129.0, 257.0)),
        comment="the notebook computes 2 * 128 in uint8, which is 0; convert to int"),
    *_forward("stride-array", "strides in an array",
        "row(1, 2, 3), row(1), np.array([1, 2])",
        convolution=_alone(row(1.0, 3.0), Raises("TypeError")),
        transpose=_alone(row(1.0, 0.0, 2.0, 0.0, 3.0), Raises("TypeError")),
        comment="PyTorch takes tuples and lists; convert with tolist()"),
    *_forward("stride-huge", "a stride beyond the 53 bits of float64",
        "row(1), row(1, 2), (1, 2**54)", convolution=_wrong(row(3.0)),
        transpose=_alone(row(1.0, 2.0)),
        comment="the convolution's extent is a rounded quotient: 1, where the filter does not fit"),
)

_DTYPES = (
    *_wraps("int8", 8), *_wraps("int16", 16), *_wraps("int32", 32), *_wraps("int64", 64),
    *_wraps("uint8", 8), *_wraps("uint16", 16), *_wraps("uint32", 32), *_wraps("uint64", 64),
    *_forward("int8-small", "int8, and no sum beyond it",
        "row(1, 2, dtype=np.int8), row(3, dtype=np.int8), (1, 1)",
        convolution=_agree(row(3.0, 6.0), row(3, 6, dtype="int8")),
        transpose=_alone(row(3.0, 6.0), _UNSUPPORTED),
        comment="conv_transpose2d has no integers but int64"),
    *_forward("int8-sum-wraps", "int8, products within it and their sum beyond",
        "pixel(100, 100, dtype=np.int8), ones(2, 1, 1, 1, dtype=np.int8), (1, 1)",
        convolution=_Seen(row(200.0), row(-56, dtype="int8"), "PyTorch silently wrong",
            [[[[200.0]]]]),
        transpose=_wrong(row(-56.0), _UNSUPPORTED, [[[[200.0]]]]),
        comment="np.sum adds int8 in 64 bits, which saves the notebook's convolution only"),
    *_forward("int64-beyond-float64", "int64, beyond the integers that float64 holds",
        "row(2**53 + 1, dtype=np.int64), row(1, dtype=np.int64), (1, 1)",
        both=_wrong(row(2.0**53), row(2**53 + 1, dtype="int64")),
        comment="the notebook's sum is right and then converted to float64"),
    *_forward("bool", "booleans",
        "row(1, 1, dtype=bool), row(1, 1, dtype=bool), (1, 1)",
        convolution=_alone(row(2.0), _UNSUPPORTED),
        transpose=_alone(row(1.0, 2.0, 1.0), _UNSUPPORTED),
        comment="the notebook counts: NumPy's product of booleans is `and`, their sum is int"),
    *_forward("complex", "complex numbers",
        "row(1 + 2j, dtype=np.complex64), row(1, dtype=np.complex64), (1, 1)",
        convolution=_wrong(row(1.0, warning="ComplexWarning"),
            array([[[["(1+2j)"]]]], "complex64")),
        transpose=_refuses(Raises("UFuncTypeError"), array([[[["(1+2j)"]]]], "complex64")),
        comment="the notebook's output is real; convolve real and imaginary part in turn"),
    *_forward("mixed-floats", "float32 input with a float64 filter",
        "row(1, 2, dtype=np.float32), row(3), (1, 1)", both=_alone(row(3.0, 6.0)),
        comment="NumPy promotes to float64, PyTorch wants one dtype"),
    *_forward("mixed-int-float", "int64 input with a float64 filter",
        "row(1, 2, dtype=np.int64), row(0.5), (1, 1)", both=_alone(row(0.5, 1.0)),
        comment="NumPy promotes to float64, PyTorch wants one dtype"),
    *_forward("float16-overflow", "float16, with a partial sum beyond it and the sum within",
        "pixel(60000, 60000, -60000, dtype=np.float16), ones(3, 1, 1, 1, dtype=np.float16), (1, 1)",
        both=_wrong(row(np.inf, warning="RuntimeWarning"), row(60000.0, dtype="float16")),
        comment="the notebook adds channels up in float16, PyTorch in float32; use float32"),
    *_forward("longdouble", "NumPy's longdouble",
        "row(1, 2, dtype=np.longdouble), row(3, dtype=np.longdouble), (1, 1)",
        both=_alone(row(3.0, 6.0), Raises("TypeError")),
        comment="PyTorch has no such dtype; the notebook's result is float64 all the same"),
    *_forward("object", "Python numbers in an array of objects",
        "row(1, 2, dtype=object), row(3, dtype=object), (1, 1)",
        convolution=_alone(row(3.0, 6.0), Raises("TypeError")),
        transpose=_neither(Raises("UFuncTypeError"), Raises("TypeError")),
        comment="exact sums in the notebook's convolution, converted to float64 at the end"),
    *_forward("byte-order", "arrays in the machine's other byte order",
        "row(1, 2, dtype=np.dtype(float).newbyteorder()), row(3), (1, 1)",
        both=_alone(row(3.0, 6.0), Raises("ValueError")),
        comment="swap the bytes before PyTorch: array.astype(array.dtype.newbyteorder('='))"),
)

_CONTAINERS = (
    *_forward("view-reversed", "a view with a negative stride in memory",
        "row(1, 2)[:, :, ::-1], row(3), (1, 1)", as_is=True,
        both=_alone(row(6.0, 3.0), Raises("ValueError")),
        comment="PyTorch has no such tensors; the oracle copies, so judged cases may have them"),
    *_forward("view-strided", "a view of every second column",
        "row(1, 9, 2)[:, :, ::2], row(3), (1, 1)", as_is=True, both=_agree(row(3.0, 6.0)),
        comment="here PyTorch reads the view itself, not a copy"),
    *_forward("view-fortran", "an array in Fortran's order",
        "np.asfortranarray(count(1, 2, 2, 1)), row(3), (1, 1)", as_is=True,
        both=_agree(array([[[[3.0], [6.0]], [[9.0], [12.0]]]])),
        comment="here PyTorch reads the array itself, not a copy"),
    *_forward("view-broadcast", "a view that repeats one number",
        "np.lib.stride_tricks.as_strided(row(2), (1, 1, 2, 1), (0, 0, 0, 0)), row(3), (1, 1)",
        as_is=True, both=_agree(row(6.0, 6.0)),
        comment="here PyTorch reads the view itself, not a copy"),
    *_forward("view-read-only", "memory that may not be written",
        "np.frombuffer(np.array([1.0, 2.0]).tobytes()).reshape(1, 1, 2, 1), row(3), (1, 1)",
        both=_agree(row(3.0, 6.0)),
        comment="copied for PyTorch, which without a copy would warn, once in a process"),
    *_forward("list", "nested lists",
        "[[[[1.0]]]], row(1), (1, 1)", as_is=True,
        both=_neither(Raises("AttributeError"), Raises("TypeError")),
        comment="make an array first"),
    *_forward("tensor", "PyTorch's own tensors",
        "torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1), (1, 1)", as_is=True,
        both=_refuses(Raises("TypeError"), row(1.0, dtype="float32")),
        comment="by accident, deep in NumPy; convert with numpy()"),
    *_forward("masked", "a masked array, its first number masked",
        "np.ma.masked_array(row(1, 2), row(1, 0)), row(1, 1), (1, 1)", as_is=True,
        convolution=_Seen(row(2.0), row(3.0), "both silently wrong", NOTHING),
        transpose=_Seen(row(0.0, 2.0, 2.0), row(1.0, 3.0, 2.0), "both silently wrong", NOTHING),
        comment="the notebook takes it for 0, PyTorch ignores the mask, neither returns one"),
)

_NUMBERS = (
    *_forward("nan-input", "NaN in the input",
        "row(np.nan, 1, 1), row(1, 1), (1, 1)", convolution=_agree(row(np.nan, 2.0)),
        transpose=_agree(row(np.nan, np.nan, 2.0, 1.0)),
        comment="reaches the outputs whose windows hold it, and no other"),
    *_forward("infinity-input", "infinity in the input",
        "row(np.inf, 1, 1), row(1, 1), (1, 1)", convolution=_agree(row(np.inf, 2.0)),
        transpose=_agree(row(np.inf, np.inf, 2.0, 1.0)),
        comment="reaches the outputs whose windows hold it, and no other"),
    *_forward("nan-filter", "NaN in the filter, and gaps between the windows",
        "row(1, 2), row(np.nan, 1), (1, 3)", convolution=_agree(row(np.nan)),
        transpose=_agree(row(np.nan, 1.0, 0.0, np.nan, 2.0)),
        comment="the gap stays 0 in float64; PyTorch's float32 kernels may leak NaN into it"),
    *_forward("infinity-filter", "infinity in the filter, zeros in the input",
        "row(0, 0), row(np.inf, 1), (1, 3)",
        convolution=_agree(row(np.nan, warning="RuntimeWarning"), row(np.nan)),
        transpose=_agree(row(np.nan, 0.0, 0.0, np.nan, 0.0, warning="RuntimeWarning"),
            row(np.nan, 0.0, 0.0, np.nan, 0.0)),
        comment="0 * infinity is NaN; NumPy warns, PyTorch does not"),
    *_forward("zero-negative", "a negative zero",
        "row(-0.0), row(1), (1, 1)", both=_agree(row(0.0)),
        comment="both lose the sign, as their sums start from 0"),
    *_forward("subnormal", "the smallest subnormal number",
        "row(5e-324), row(1), (1, 1)", both=_agree(row(5e-324)),
        comment="neither flushes to zero, unless torch.set_flush_denormal says so"),
    *_forward("float64-overflow", "a product beyond float64",
        "row(1e200), row(1e200), (1, 1)",
        both=_agree(row(np.inf, warning="RuntimeWarning"), row(np.inf)),
        comment="NumPy warns, PyTorch does not"),
)

_OPTIONS = (
    *_forward("padding", "padding",
        "row(1, 2, 3), row(1), (1, 1), padding=(0, 1)", as_is=True,
        convolution=_refuses(Raises("TypeError"), row(0.0, 1.0, 2.0, 3.0, 0.0)),
        transpose=_refuses(Raises("TypeError"), row(2.0)),
        comment="none in the notebook: pad the input with zeros; transposed, cut off the edges"),
    *_forward("output-padding", "output padding",
        "row(1, 2), row(1), (1, 2), output_padding=(0, 1)", as_is=True,
        transpose=_refuses(Raises("TypeError"), row(1.0, 0.0, 2.0, 0.0)),
        comment="none in the notebook: append zeros to the output"),
    *_forward("dilation", "dilation",
        "row(1, 2, 3), row(1, 1), (1, 1), dilation=2", as_is=True,
        convolution=_refuses(Raises("TypeError"), row(4.0)),
        transpose=_refuses(Raises("TypeError"), row(1.0, 2.0, 4.0, 2.0, 3.0)),
        comment="none in the notebook: write the zeros into the filter"),
    *_forward("groups", "groups of channels",
        "pixel(1, 2), ones(1, 1, 1, 2), (1, 1), groups=2", as_is=True,
        convolution=_refuses(Raises("TypeError"), array([[[[1.0, 2.0]]]])),
        comment="none in the notebook: convolve each group and concatenate"),
    *_forward("groups", "groups of channels",
        "pixel(1, 2), ones(2, 1, 1, 1), (1, 1), groups=2", as_is=True,
        transpose=_refuses(Raises("TypeError"), array([[[[1.0, 2.0]]]])),
        comment="none in the notebook: convolve each group and concatenate"),
    *_forward("bias", "a bias",
        "row(1, 2), row(1), (1, 1), bias=torch.ones(1, dtype=torch.float64)", as_is=True,
        both=_refuses(Raises("TypeError"), row(2.0, 3.0)),
        comment="none in the notebook: add it to the output"),
)

_BACKWARD = (
    *_backward("stride-zero", "a stride of 0 in layer l",
        {"fore_delta": "row(1, 1)", "d_act": "row(1, 1)", "x": "row(1, 2)", "strd": "(1, 0)"},
        convolution=_wrong(row(2.0)), transpose=_wrong(row(3.0)),
        comment="nothing divides by this stride, so nothing stops"),
    *_backward("fore-stride-zero", "a stride of 0 in layer l+1",
        {"fore_delta": "row(1, 2)", "fore_strd": "(1, 0)"}, convolution=_wrong(row(9.0)),
        transpose=_neither(Raises("ZeroDivisionError")),
        comment="it is the forward kernels that take this stride, or do not"),
    *_backward("stride-three", "three strides in layer l",
        {"strd": "(1, 1, 7)"}, both=_wrong(row(3.0)),
        comment="only the first two are read; the forward kernels refuse this"),
    *_backward("stride-single", "one number for both strides of layer l",
        {"strd": "1"}, both=_refuses(Raises("TypeError"), row(3.0)),
        comment="PyTorch's shorthand; write the pair"),
    *_backward("stride-float", "strides that are whole numbers, as floats",
        {"strd": "(1.0, 1.0)"}, both=_neither(Raises("TypeError"), Raises("TypeError")),
        comment="neither rounds; convert to int"),
    *_backward("batch-more-input", "more images in the input than in delta",
        {"x": "np.array([3.0, 50.0]).reshape(2, 1, 1, 1)"}, convolution=_wrong(row(3.0)),
        transpose=_neither(Raises("IndexError")),
        comment="conv_back_prop counts images in delta, the other one in the input"),
    *_backward("batch-more-delta", "more images in delta than in the input",
        {"fore_delta": "ones(2, 1, 1, 1)", "d_act": "ones(2, 1, 1, 1)"},
        convolution=_refuses(Raises("IndexError"), row(6.0)), transpose=_wrong(row(3.0), row(6.0)),
        comment="PyTorch broadcasts z over d_act, as if the image were there twice"),
    *_backward("d-act-broadcast", "one derivative for two images",
        {"fore_delta": "ones(2, 1, 1, 1)", "d_act": "row(5)", "x": "ones(2, 1, 1, 1)"},
        convolution=_refuses(Raises("ValueError"), row(10.0)), transpose=_agree(row(10.0)),
        comment="NumPy and PyTorch broadcast; a mistaken shape goes unnoticed with both"),
    *_backward("fore-delta-broadcast", "one fore_delta for two images",
        {"d_act": "ones(2, 1, 1, 1)", "x": "ones(2, 1, 1, 1)"}, both=_wrong(row(2.0)),
        comment="autograd wants the shape of layer l+1's output"),
    *_backward("channels-more-input", "more channels in the input than in the filter",
        {"x": "pixel(3, 50)"}, both=_wrong(row(3.0)),
        comment="the surplus is ignored; forward, the same arguments raise IndexError"),
    *_backward("channels-more-filter", "more output channels in the filter than in delta",
        {}, fltrs="pixel(1, 1)", convolution=_wrong(array([[[[3.0, 0.0]]]])),
        transpose=_neither(Raises("IndexError")),
        comment="conv_back_prop leaves the gradient of the surplus at zero"),
    *_backward("channels-more-delta", "more channels in delta than the filter puts out",
        {"fore_w": "count(2, 1, 1, 1)", "d_act": "pixel(1, 1)"},
        convolution=_refuses(Raises("IndexError"), row(9.0)), transpose=_wrong(row(3.0), row(9.0)),
        comment="PyTorch broadcasts z over d_act; the notebook drops the surplus, or stumbles"),
    *_backward("channels-more-fore-delta", "more channels in fore_delta than fore_w has",
        {"fore_delta": "pixel(1, 2)"}, both=_neither(Raises("IndexError")),
        comment="the forward kernels' IndexError"),
    *_backward("channels-more-fore-filter", "more output channels in fore_w than in fore_delta",
        {"fore_w": "pixel(1, 20)"}, both=_wrong(row(3.0)),
        comment="the forward kernels ignore a filter's surplus"),
    *_backward("extent-delta-larger", "more columns in delta than layer l has",
        {"fore_delta": "row(1, 1)", "d_act": "row(1, 1)", "x": "row(1, 2)"}, fltrs="row(1, 1)",
        convolution=_wrong(row(3.0, 4.0), row(2.0, 4.0)),
        comment="a window of one column broadcasts; PyTorch broadcasts z over d_act, as it may"),
    *_backward("extent-delta-smaller", "fewer columns in delta than layer l has",
        {"fore_delta": "row(1, 1)", "d_act": "row(1, 1)", "x": "row(1, 2)"}, fltrs="row(1, 1)",
        transpose=_wrong(row(3.0, 3.0)),
        comment="a window of one column broadcasts"),
    *_backward("extent-input-larger", "more columns in the input than delta calls for",
        {"x": "row(3, 50)"}, convolution=_wrong(row(3.0)),
        transpose=_neither(Raises("ValueError")),
        comment="conv_back_prop takes the surplus for what the stride left over"),
    *_backward("extent-fore-delta-smaller", "fewer columns in fore_delta than layer l+1 has",
        {"d_act": "row(1, 1)", "x": "row(1, 2)"},
        convolution=_wrong(row(1.0)), transpose=_wrong(row(3.0)),
        comment="conv_back_prop fills zeros in, however much is missing; the other broadcasts"),
    *_backward("fore-filter-larger", "a filter of layer l+1 larger than its input",
        {"fore_w": "row(1, 1)"}, both=_neither(Raises("ValueError")),
        comment="the notebook by accident: shapes that do not broadcast"),
    *_backward("batch-empty", "no image",
        dict.fromkeys(("fore_delta", "d_act", "x"), "ones(0, 1, 1, 1)"), both=_agree(row(0.0)),
        comment="an empty sum is zero"),
    *_backward("channels-none-in", "no input channel in layer l",
        {"x": "ones(1, 1, 1, 0)"}, fltrs="ones(0, 1, 1, 1)", both=_alone(_empty(0, 1, 1, 1)),
        comment="an empty gradient, of the filter's shape"),
    *_backward("integer-filter", "an integer filter, all else float64",
        {}, fltrs="row(1, dtype=int)", both=_refuses(Raises("UFuncTypeError"), row(3.0)),
        comment="the gradient takes the filter's dtype; here PyTorch is told its shape only"),
    *_backward("integers-but-filter", "integers throughout, except for the filter",
        {**dict.fromkeys(("fore_delta", "fore_w", "d_act"), "row(1, dtype=int)"),
            "x": "row(3, dtype=int)"}, both=_alone(row(3.0)),
        comment="autograd takes no integers; the notebook wraps when they grow, as forward"),
    *_backward("float16-filter", "a float16 filter, all else float64",
        {"fore_delta": "row(1, 1, 1)", "d_act": "row(1, 1, 1)", "x": "row(2048, 1, 1)"},
        fltrs="row(1, dtype=np.float16)", both=_wrong(row(2048.0, dtype="float16"), row(2050.0)),
        comment="each term is rounded to the filter's dtype as it is added; 2050 fits float16"),
    *_backward("mixed-floats", "float32 in layer l+1, float64 in layer l",
        dict.fromkeys(("fore_delta", "fore_w", "d_act"), "row(1, dtype=np.float32)"),
        both=_alone(row(3.0)),
        comment="NumPy promotes to float64, PyTorch wants one dtype"),
    *_backward("complex", "complex numbers",
        {"fore_delta": "row(1 + 2j, dtype=complex)",
            **dict.fromkeys(("fore_w", "d_act", "x"), "row(1, dtype=complex)")},
        fltrs="row(1, dtype=complex)",
        convolution=_refuses(Raises("UFuncTypeError"), array([[[["(1+2j)"]]]], "complex128")),
        transpose=_wrong(array([[[["(1+0j)"]]]], "complex128", "ComplexWarning"),
            array([[[["(1+2j)"]]]], "complex128")),
        comment="the forward kernels' outputs are real; the result is complex all the same"),
    *_backward("nan-fore-delta", "NaN in fore_delta",
        {"fore_delta": "row(np.nan, 1)", "d_act": "row(1, 1)", "x": "row(1, 2)"},
        both=_agree(row(np.nan)),
        comment="reaches every tap whose sum holds it"),
    *_backward("infinity-d-act", "an infinite derivative where fore_delta is 0",
        {"fore_delta": "row(0, 1)", "d_act": "row(np.inf, 1)", "x": "row(1, 2)"},
        both=_agree(row(np.nan, warning="RuntimeWarning"), row(np.nan)),
        comment="0 * infinity is NaN; NumPy warns, PyTorch does not"),
)

# fmt: on

DOMAIN_MAP: tuple[DomainEntry, ...] = (
    _SHAPES + _STRIDES + _DTYPES + _CONTAINERS + _NUMBERS + _OPTIONS + _BACKWARD
)
