"""Case ids: one line of text for each case, and none for anything else."""

import os
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry

FORE = "+convolution.k1.f1x2.s2x1"
GOOD = "v1:convolution:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2:7"
GOOD_BACK = f"v1:conv_back_prop:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2{FORE}:7"


def test_extremes() -> None:
    """The least and the largest numbers are allowed: no batch, a seed of 64 bits."""
    for part, other in ((":7", f":{2**64 - 1}"), (":7", ":0"), ("b1", "b0"), ("s1x2", "s99x99")):
        text = GOOD.replace(part, other)
        assert str(Case.parse(text)) == text != GOOD


# Text, and what it stands for.
PARAMETERS: dict[str, dict[str, Any]] = {
    ".p1x2": {"padding": ((1, 1), (2, 2))},
    ".p1-0x0-0": {"padding": ((1, 0), (0, 0))},
    ".p0-0x1-2": {"padding": ((0, 0), (1, 2))},
    ".d1x3": {"dilation": (1, 3)},
    ".g2": {"groups": 2},
    ".q1x0": {"output_padding": (1, 0)},
    ".bias": {"bias": 1},
    ".p1-2x0-0.d2x1.g2.q0x1.bias": {
        "padding": ((1, 2), (0, 0)),
        "dilation": (2, 1),
        "groups": 2,
        "output_padding": (0, 1),
        "bias": 1,
    },
}


@pytest.mark.parametrize("text", PARAMETERS)
def test_parameters(text: str) -> None:
    """Each parameter that is not at its default has a part behind the strides, in one order."""
    geometry = Geometry.of(2, 7, 8, 4, 2, 2, 3, 2, 3, **PARAMETERS[text])
    whole = f"b2.h7.w8.i4.o2.f2x3.s2x3{text}"
    assert str(geometry) == whole
    assert Geometry.parse(whole) == geometry
    assert not geometry.is_plain
    found = {name: getattr(geometry, name) for name in PARAMETERS[text]}
    assert found == PARAMETERS[text]


def changed(*values: str, old: str, text: str = GOOD) -> list[str]:
    """Return an id with something in it replaced by each of the values."""
    return [text.replace(old, value) for value in values]


# What stands behind the strides: in another order, twice, of another form, beside a layer l+1.
MISPLACED = (
    *(
        ".g2.p1x1",
        ".bias.g2",
        ".p1x1.p1x1",
        ".p1",
        ".p1x1x1",
        ".p1-1",
        ".p-1x0",
        ".d2",
        ".g",
        ".g2x2",
    ),
    *(".q1", ".bias1", ".Bias", ".bias.bias", ".p1x01", ".p1x1-", ".r1"),
)
# Defaults, and symmetric padding with all four numbers.
LONGER = (".p0x0", ".p0-0x0-0", ".p1-1x2-2", ".d1x1", ".g1", ".q0x0")
# Parts of a geometry, and what stands there instead.
FORMS = (
    *(
        ("b1", bad)
        for bad in ("b01", "b-1", "b+1", "B1", "b1\u0661", "b1 ", "b1\n", "b1_0", "b1.0")
    ),
    *(("b1.", ""), ("h4.w5", "w5.h4"), ("f2x2", "f2"), ("f2x2", "f2X2"), ("b1", "b" + "9" * 10)),
    *(("s1x2", end) for end in ("s1x2x3", "s1x2.p1", "s1x2+", f"s1x2{FORE.replace('k1', 'k01')}")),
    *(("s1x2", f"s1x2{fore}") for fore in (FORE + FORE, FORE.replace("+conv", "+Conv"))),
    *(("s1x2", f"s1x2{part}") for part in MISPLACED),
)
TRANSPOSED = GOOD.replace("convolution", "convolution_transpose")
# What the message points to, and ids of which it is true.
MALFORMED = {
    "expected the form v1:": [
        *("", "v1", GOOD[3:], GOOD + ":", GOOD + ":7", GOOD.replace(":", ";"), GOOD[:-2]),
        *changed("v2", "V1", "v01", " v1", "", old="v1"),
    ],
    "operation={!r}: expected one of convolution,": changed(
        "conv2d", "Convolution", "", "convolution ", "convoluti\u043en", old="convolution"
    ),
    "dtype={!r}: expected one of float16,": changed(
        "float8", "Float32", "int32", "", "bfloat", ">f4", old="float32"
    ),
    "fill={!r}: expected one of integers,": [
        *changed("ones", "wide", "wide-", "wide-delta", old="integers"),
        *changed("nonfinite-fltrs", "wide-strd", "", old="integers"),
        GOOD_BACK.replace("integers", "wide-ftr"),
    ],
    "geometry={!r}: expected the form b1.": [GOOD.replace(*form) for form in FORMS],
    "geometry='b9999999999": changed("b" + "9" * 5000, old="b1"),
    "height=0: expected an integer of at least 1": changed("h0", old="h4"),
    "channels_in=0: expected an integer of at least 1": changed("i0", old="i2"),
    "stride_width=0: expected an integer of at least 1": changed("s1x0", old="s1x2"),
    "filter_height=5: expected at most the extent 4": changed("f5x2", old="f2x2"),
    "filter_width=6: expected at most the extent 5": changed("f2x6", old="f2x2"),
    "geometry={!r}: expected it in the form b1.h4.w5.i2.o1.f2x2.s1x2": [
        GOOD.replace("s1x2", f"s1x2{part}") for part in LONGER
    ],
    "expected no parameters beside a layer l+1": [
        GOOD_BACK.replace("s1x2", f"s1x2{part}", 1) for part in PARAMETERS
    ],
    "groups=3: expected a divisor of channels_in=2": changed("s1x2.g3", old="s1x2"),
    "groups=2: expected a divisor of channels_out=1": changed("s1x2.g2", old="s1x2"),
    "groups=0: expected an integer of at least 1": changed("s1x2.g0", old="s1x2"),
    "dilation_width=0: expected an integer of at least 1": changed("s1x2.d2x0", old="s1x2"),
    "filter_height=2, 6 with its dilation: expected at most the extent 5 of what it slides over": (
        changed("s1x2.p1-0x0-0.d5x1", old="s1x2")
    ),
    "output_padding_height=2: expected at most 1, below stride or dilation": (
        changed("s1x2.d2x1.q2x0", old="s1x2", text=TRANSPOSED)
    ),
    "output_padding_width=2: expected at most 1, below stride or dilation": (
        changed("s1x2.q0x2", old="s1x2", text=TRANSPOSED)
    ),
    "padding_top=2, padding_bottom=3: expected less than 5 together, of which they are cut off": (
        changed("s1x2.p2-3x0-0", old="s1x2", text=TRANSPOSED)
    ),
    "padding_left=5, padding_right=5: expected less than 10 together": (
        changed("s1x2.p0x5", old="s1x2", text=TRANSPOSED)
    ),
    "fill='wide-bias': expected one of integers,": changed("wide-bias", old="integers"),
    "fill='nonfinite-bias': expected one of": changed("nonfinite-bias", old="integers"),
    **{
        f"{name} expected no {what}": [
            GOOD.replace("convolution", name).replace("s1x2", f"s1x2{part}")
        ]
        for name, what, part in (
            ("convolution", "output_padding", ".q1x0"),
            ("convolution_input_gradient", "bias", ".bias"),
            ("convolution_transpose_filter_gradient", "bias", ".bias"),
            ("convolution_filter_gradient", "output_padding", ".q1x1"),
            ("convolution_bias_gradient", "padding", ".p1x1"),
        )
    },
    "conv_back_prop expected a layer l+1": changed("conv_back_prop", old="convolution"),
    "convolution expected no layer l+1": changed(FORE + ":7", old=":7"),
    "fore channels_out=0: expected an integer": changed("k0", old="k1", text=GOOD_BACK),
    "layer='pool': expected one of convolution,": changed(
        "+pool", old="+convolution", text=GOOD_BACK
    ),
    "fore filter_height=4: expected at most the extent 3": changed(
        "f4x2", old="f1x2", text=GOOD_BACK
    ),
    "fore filter_width=3: expected at most the extent 2": changed(
        "f1x3", old="f1x2", text=GOOD_BACK
    ),
    "seed={!r}: expected an integer": [
        *changed(
            *(f":{end}" for end in ("", "07", "-7", "+7", "7.0", "7 ", " 7", "0x7")), old=":7"
        ),
        *changed(":1_0", ":1\u0667", ":\u00b2", ":seven", ":7\n", ":7\r", ":7\0", old=":7"),
    ],
    f"seed={2**64}: expected an integer from 0 to": changed(f":{2**64}", old=":7"),
    "seed='111": changed(":" + "1" * 5000, old=":7"),
}
PARTS = ("form", "operation", "dtype", "fill", "geometry", "seed")


@pytest.mark.parametrize("said", MALFORMED)
def test_malformed_id(said: str) -> None:
    """A malformed id raises ValueError: one line, with the id and what is wrong in it."""
    for text in MALFORMED[said]:
        part = text.split(":")[PARTS.index(said.partition("=")[0])] if "{" in said else ""
        with pytest.raises(ValueError, match=re.escape(said.format(part))) as caught:
            Case.parse(text)
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        assert message.startswith(f"case id {text!r}: ")
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("seed", [True, 1.0, "1", None, np.int64(1), -1, 2**64])
def test_seed_is_an_integer(seed: Any) -> None:
    """A case made in Python takes no seed but a plain integer of 64 bits."""
    with pytest.raises(ValueError, match=r"^seed=.*: expected an integer from 0 to 2\*\*64 - 1$"):
        Case("convolution", Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1), "float32", "integers", seed)


@pytest.mark.parametrize("text", [GOOD, GOOD_BACK])
def test_pickles_hold_no_hash(text: str) -> None:
    """A case that was looked up in one process can be looked up in another, whose hashes differ."""
    case = Case.parse(text)
    hash(case)
    code = (
        "import pickle, sys; from convcheck.cases.case import Case; "
        "print(pickle.load(sys.stdin.buffer) in {Case.parse(sys.argv[1])})"
    )
    done = subprocess.run(  # noqa: S603  (Python, with code of ours)
        [sys.executable, "-c", code, text],
        input=pickle.dumps(case),
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        check=True,
    )
    assert done.stdout.strip() == b"True"
