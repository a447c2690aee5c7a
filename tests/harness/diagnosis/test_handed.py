"""Kernels that are right under a declaration that they lack: it is told, and no other is."""

from collections.abc import Callable
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge

CASE = Case.parse("v1:convolution:float32:integers:b1.h3.w4.i2.o3.f2x2.s1x1:1")
KERNEL = """
import numpy as np
from convcheck.reference import convolution as right

def {name}(x, ftr, strd):
    {body}
"""
TORCH = "import torch; return torch.nn.functional.{}(x, ftr, stride=strd)"
OWN = "return right(x.transpose({}), ftr.transpose({}), strd).transpose({})"

# What a kernel does, and what is advised.
BODIES = {
    OWN.format("0, 2, 3, 1", "1, 2, 3, 0", "0, 3, 1, 2"): "tensors=NCHW,filters=OIHW",
    OWN.format("0, 1, 2, 3", "2, 0, 1, 3", "0, 1, 2, 3"): "filters=HWIO",
    OWN.format("0, 1, 2, 3", "3, 1, 2, 0", "0, 1, 2, 3"): "filters=OHWI",
    OWN.format("0, 1, 2, 3", "3, 0, 1, 2", "0, 1, 2, 3"): "filters=HWOI",
    TORCH.format("conv2d"): "arrays=torch,tensors=NCHW,filters=OIHW",
    TORCH.format("conv1d"): "arrays=torch,rank=1,tensors=NCHW,filters=OIHW",
    "return right(x[..., None, :, :], ftr[:, None], (1, *strd))[:, 0]": "rank=1",
    "import torch; return torch.zeros(3) + x.unsqueeze(0)": "arrays=torch? It was handed arrays",
    "return right(x, ftr[:, ::-1], strd)": "",
    "return 2 * right(x.transpose(0, 2, 3, 1), ftr.transpose(1, 2, 3, 0), strd)": "",
}


@pytest.mark.parametrize(
    ("body", "isolated"), [(each, False) for each in BODIES] + [(next(iter(BODIES)), True)]
)
def test_what_would_make_a_kernel_right_is_advised(
    kernel_of: Callable[..., Any], body: str, *, isolated: bool
) -> None:
    """Layouts, the library of its arrays and its rank; of what is wrong in all, nothing."""
    kernel = kernel_of(KERNEL.format(name="convolution", body=body), isolated=isolated)
    verdict = judge(kernel, CASE)
    assert verdict.failed
    advice = [each for each in diagnose(verdict).advice if not each.startswith("dtypes=")]
    expected = BODIES[body]
    assert len(advice) == bool(expected)
    assert all(each.startswith(f"{expected}") for each in advice)
    assert not expected or advice[0].removeprefix(expected)[0] in ": "


RAISES = """
def {name}(*arguments, **keywords):
    raise ValueError("too many values to unpack")
"""
TWO_LAYERS = """
from convcheck.reference.repaired import conv_back_prop as right

def {name}(fore_delta, fore_w, fore_strd, d_act, x, fltrs, strd, *fore):
    fore_w, fltrs = fore_w.transpose(3, 1, 2, 0), fltrs.transpose(3, 1, 2, 0)
    return right(fore_delta, fore_w, fore_strd, d_act, x, fltrs, strd, *fore).transpose(3, 1, 2, 0)
"""


LAYERS = "b1.h3.w4.i2.o3.f2x2.s1x1+convolution.k1.f1x2.s1x1"


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_raises_is_diagnosed(kernel_of: Callable[..., Any], name: str) -> None:
    """Other ways to hand arrays over are tried of every operation, those of two layers too."""
    kernel = kernel_of(RAISES.format(name=name), isolated=False, name=name)
    geometry = kernel.taken.simplest(OPERATIONS[name])
    found = diagnose(judge(kernel, Case(name, geometry, "float32", "integers", 1)))
    assert found.patterns[0].startswith("raised ValueError in all ")


def test_layouts_of_two_layers_are_advised(kernel_of: Callable[..., Any]) -> None:
    """Both filters lie alike."""
    name = "conv_back_prop"
    case = Case.parse(f"v1:{name}:float32:integers:{LAYERS}:1")
    kernel = kernel_of(TWO_LAYERS.format(name=name), isolated=False, name=name)
    (advice,) = diagnose(judge(kernel, case)).advice
    assert advice.startswith("filters=OHWI: ")
