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


MALFORMED = [
    # (id, what the message points to)
    *((text, "expected the form v1:") for text in ("", "v1", GOOD[3:], GOOD + ":", GOOD + ":7")),
    *((GOOD.replace("v1", v), "expected the form v1:") for v in ("v2", "V1", "v01", " v1", "")),
    (GOOD.replace(":", ";"), "expected the form v1:"),
    (GOOD.rpartition(":")[0], "expected the form v1:"),
    *(
        (GOOD.replace("convolution", name), f"operation={name!r}: expected one of convolution,")
        for name in ("conv2d", "Convolution", "", "convolution ", "convoluti\u043en")
    ),
    *(
        (GOOD.replace("float32", dtype), f"dtype={dtype!r}: expected one of float16,")
        for dtype in ("float8", "Float32", "int32", "", "bfloat16", ">f4")
    ),
    *(
        (GOOD.replace("integers", fill), f"fill={fill!r}: expected one of integers,")
        for fill in ("ones", "wide", "wide-", "wide-delta", "nonfinite-fltrs", "wide-strd", "")
    ),
    (GOOD_BACK.replace("integers", "wide-ftr"), "fill='wide-ftr': expected one of"),
    (GOOD.replace("b1", "b01"), "geometry='b01."),
    (GOOD.replace("b1", "b-1"), "geometry='b-1."),
    (GOOD.replace("b1", "b+1"), "geometry='b+1."),
    (GOOD.replace("b1", "B1"), "geometry='B1."),
    (GOOD.replace("b1", "b1\u0661"), "geometry='b1\u0661."),
    (GOOD.replace("b1", "b1 "), "geometry='b1 ."),
    (GOOD.replace("b1", "b1\n"), r"geometry='b1\n."),
    (GOOD.replace("b1", "b1_0"), "geometry='b1_0."),
    (GOOD.replace("b1", "b1.0"), "geometry='b1.0."),
    (GOOD.replace("b1.", ""), "geometry='h4."),
    (GOOD.replace("h4.w5", "w5.h4"), "geometry='b1.w5."),
    (GOOD.replace("f2x2", "f2"), "geometry='b1."),
    (GOOD.replace("f2x2", "f2X2"), "geometry='b1."),
    (GOOD.replace("s1x2", "s1x2x3"), "geometry='b1."),
    (GOOD.replace("s1x2", "s1x2.p1"), "geometry='b1."),
    (GOOD.replace("s1x2", "s1x2+"), "geometry='b1."),
    (GOOD.replace("b1", "b" + "9" * 10), "geometry='b9999999999."),
    (GOOD.replace("b1", "b" + "9" * 5000), "geometry='b9999999999"),
    (GOOD.replace("h4", "h0"), "height=0: expected an integer of at least 1"),
    (GOOD.replace("i2", "i0"), "channels_in=0: expected an integer of at least 1"),
    (GOOD.replace("s1x2", "s1x0"), "stride_width=0: expected an integer of at least 1"),
    (GOOD.replace("f2x2", "f5x2"), "filter_height=5: expected at most the extent 4"),
    (GOOD.replace("f2x2", "f2x6"), "filter_width=6: expected at most the extent 5"),
    (GOOD.replace("b1", "b99999999"), "expected arrays of at most 268435456 elements"),
    (GOOD.replace("o1", "o999999999"), "expected arrays of at most 268435456 elements"),
    (
        GOOD.replace("convolution", "convolution_transpose").replace("s1x2", "s99999x99999"),
        "expected arrays of at most 268435456 elements",  # the result is one, too
    ),
    (GOOD.replace("convolution", "conv_back_prop"), "conv_back_prop expected a layer l+1"),
    (GOOD.replace(":7", FORE + ":7"), "convolution expected no layer l+1"),
    (GOOD_BACK.replace("k1", "k0"), "fore channels_out=0: expected an integer"),
    (GOOD_BACK.replace("k1", "k01"), "geometry='b1."),
    (GOOD_BACK.replace("s2x1", "s2x1+convolution.k1.f1x1.s1x1"), "geometry='b1."),
    (GOOD_BACK.replace("+conv", "+Conv"), "geometry='b1."),
    (GOOD_BACK.replace("+convolution", "+pool"), "layer='pool': expected one of convolution,"),
    (GOOD_BACK.replace("f1x2", "f4x2"), "fore filter_height=4: expected at most the extent 3"),
    (GOOD_BACK.replace("f1x2", "f1x3"), "fore filter_width=3: expected at most the extent 2"),
    *(
        (GOOD.replace(":7", f":{seed}"), f"seed={seed!r}: expected an integer")
        for seed in (
            "",
            "07",
            "-7",
            "+7",
            "7.0",
            "7 ",
            " 7",
            "0x7",
            "1_0",
            "1\u0667",
            "\u00b2",
            "seven",
        )
    ),
    *((GOOD + end, f"seed={'7' + end!r}: expected an integer") for end in ("\n", "\r", "\0")),
    (GOOD.replace(":7", f":{2**64}"), f"seed={2**64}: expected an integer from 0 to"),
    (GOOD.replace(":7", ":" + "1" * 5000), "seed='111"),
]


@pytest.mark.parametrize(("text", "bad"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_id(text: str, bad: str) -> None:
    """A malformed id raises ValueError: one line, with the id and what is wrong in it."""
    with pytest.raises(ValueError, match=re.escape(bad)) as caught:
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
