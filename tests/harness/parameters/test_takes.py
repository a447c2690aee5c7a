"""Candidates that take parameters are handed them as declared, and others are not offered."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plan.boundaries import boundaries
from convcheck.conformance.plan.large import Large
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import load
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.shown.message import describe

ALL = "takes=padding+dilation+groups+bias"
LINES = (
    f"convolution=a:b,{ALL}",
    f"convolution=a:b,tensors=NCHW,padding=pair,rank=1,{ALL},names=groups:feature_group_count",
    "convolution_transpose=a:b,takes=output_padding+padding",
    "convolution_input_gradient=a:b,takes=groups,sums=float32",
)
BAD = {
    "convolution=a:b,takes=stride": "takes='stride': expected one of padding, dilation,",
    "convolution=a:b,takes=output_padding": "takes='output_padding': expected one of padding,",
    "convolution_filter_gradient=a:b,takes=bias": "takes='bias': expected one of padding,",
    "convolution_bias_gradient=a:b,takes=bias": "takes='bias': expected nothing: the operation",
    "convolution=a:b,padding=same": "padding='same': expected one of sides, pair",
    "convolution=a:b,takes=bias,padding=pair": "padding='pair': expected takes=padding, too",
    "convolution=a:b,rank=3": "rank='3': expected one of 1, 2",
    "conv_back_prop=a:b,rank=1": "rank='1': expected one of 2",
    "convolution=a:b,names=groups:g": "names='groups': expected one of x, ftr, strd",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_and_written(line: str) -> None:
    """What a candidate takes is read from its line, and gives the same line again."""
    assert str(Candidate.parse(line)) == line


@pytest.mark.parametrize(
    ("declared", "note"),
    [
        ("", "has padding, bias, never judged without takes=padding+bias"),
        (",takes=bias", "has padding, never judged without takes=padding"),
        (",takes=padding+bias", None),
        (",takes=padding,constants=bias:None", None),
    ],
)
def test_parameters_that_are_never_judged_are_told(
    declared: str, note: str | None, tmp_path: Path
) -> None:
    """A kernel that has them and does not say so conforms on what has none."""
    kernel = tmp_path / "padded.py"
    kernel.write_text("def convolution(x, ftr, strd, padding=0, bias=None): ...", "utf-8")
    assert [*load(f"convolution={kernel}:convolution{declared}").notes()] == [note] * bool(note)


@pytest.mark.parametrize("line", BAD)
def test_bad_lines(line: str) -> None:
    """A parameter that the operation does not have, or another form, is refused by name."""
    with pytest.raises(CandidateError, match=re.escape(BAD[line])):
        Candidate.parse(line)


# Writes what it is handed, and returns what the reference does.
NOTING = """
import pathlib
import numpy as np
from convcheck.reference import parameters

def told(value):
    return list(value.shape) if hasattr(value, "shape") else value

NO = "absent"

def convolution(x, ftr, strd, *, padding=NO, dilation=NO, groups=NO, bias=NO):
    given = dict(x=x, ftr=ftr, strd=strd, padding=padding)
    given |= dict(dilation=dilation, groups=groups, bias=bias)
    with (pathlib.Path(__file__).parent / "told").open("a") as file:
        print({name: told(value) for name, value in given.items()}, file=file)
    if x.ndim == 3:
        x, ftr, strd = x[:, None], ftr[:, None], (1, *strd)
        padding, dilation = ((0, 0), *padding), (1, *dilation)
    elif padding != NO and isinstance(padding[0], int):
        padding = [(each, each) for each in padding]
    given = dict(padding=padding, dilation=dilation, groups=groups, bias=bias)
    given = {name: value for name, value in given.items() if not isinstance(value, str)}
    z = parameters.convolution(x, ftr, strd, **given)
    return z[:, 0] if __file__.endswith("rank.py") else z
"""
PLAIN = "b1.h4.w5.i2.o4.f2x3.s1x2"
WHOLE = f"{PLAIN}.p1-0x0-2.d2x1.g2.bias"
SYMMETRIC = f"{PLAIN}.p1x0.d2x1.g2.bias"
LINEAR = "b1.h1.w5.i2.o4.f1x3.s1x2"
LINEAR_WHOLE = f"{LINEAR}.p0-0x1-2.d1x2.g2.bias"
# What is declared, the geometry, and what of it a kernel is handed.
HANDED: dict[tuple[str, str], dict[str, Any]] = {
    ("", PLAIN): dict.fromkeys(("padding", "dilation", "groups", "bias"), "absent"),
    (ALL, PLAIN): {"padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1, "bias": None},
    (ALL, WHOLE): {
        "ftr": [1, 2, 3, 4],
        "padding": ((1, 0), (0, 2)),
        "dilation": (2, 1),
        "groups": 2,
        "bias": [4],
    },
    (f"{ALL},padding=pair", SYMMETRIC): {"padding": (1, 0)},
    ("takes=padding", f"{PLAIN}.p1x0"): {"padding": ((1, 1), (0, 0)), "bias": "absent"},
    (f"{ALL},rank=1", LINEAR_WHOLE): {
        "x": [1, 5, 2],
        "ftr": [1, 3, 4],
        "strd": (2,),
        "padding": ((1, 2),),
        "dilation": (2,),
        "groups": 2,
        "bias": [4],
    },
    (f"{ALL},rank=1", LINEAR): {"x": [1, 5, 2], "padding": ((0, 0),), "bias": None},
}


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize(("declared", "geometry"), HANDED)
def test_what_is_handed_over(
    kernel_of: Callable[..., Any], tmp_path: Path, declared: str, geometry: str, *, isolated: bool
) -> None:
    """Parameters come by keyword, in the declared forms, with their defaults where absent."""
    place = tmp_path / ("rank.py" if "rank" in declared else "noting.py")
    place.write_text(NOTING, encoding="utf-8")
    line = f"convolution={place}:convolution" + f",{declared}" * bool(declared)
    verdict = judge(
        kernel_of(line, isolated=isolated),
        Case.parse(f"v1:convolution:float32:integers:{geometry}:1"),
    )
    assert verdict.outcome is Outcome.AGREES, verdict
    told = (tmp_path / "told").read_text(encoding="utf-8").splitlines()[-1]
    handed = eval(told)  # noqa: S307  (what the kernel above wrote)
    expected = HANDED[declared, geometry]
    assert {name: handed[name] for name in expected} == expected


def test_the_call_that_is_shown_needs_no_defaults(
    kernel_of: Callable[..., Any], tmp_path: Path
) -> None:
    """The code of a failure hands over every parameter that the kernel takes."""
    place = tmp_path / "wrong.py"
    place.write_text("def convolution(x, ftr, strd, *, padding, groups): ...", encoding="utf-8")
    kernel = kernel_of(f"convolution={place}:convolution,takes=padding+groups", isolated=False)
    text = explain(judge(kernel, Case.parse(f"v1:convolution:float32:integers:{PLAIN}:1")))
    assert "convolution(x, ftr, (1, 2), padding=((0, 0), (0, 0)), groups=1)" in text


LINEAR_TORCH = (
    "convolution=torch.nn.functional:conv1d,tensors=NCHW,filters=OIHW,arrays=torch,rank=1,"
    "names=strd:stride"
)


def test_classes_are_judged_along_the_width() -> None:
    """A kernel of rank 1 is judged on every class, its height being 1, and on all fills."""
    kernel = load(LINEAR_TORCH)
    for step in boundaries(kernel.operation):
        found = [verdict for each in step.judge(kernel) for verdict in each.verdicts]
        assert {each.case.geometry.height for each in found} == {1}
        assert not [each for each in found if each.failed]
        offered = [each for each in found if each.case.dtype == "float64"]
        assert Outcome.NOT_OFFERED not in {each.outcome for each in offered}


def test_large_layers_are_not_offered_to_rank_1() -> None:
    """They have heights, so that nothing is said of how fast the kernel is."""
    judged = [*Large(OPERATIONS["convolution"], "quick").judge(load(LINEAR_TORCH))]
    assert [each.fast for each in judged if each.fast is not None] == []
    outcomes = {verdict.outcome for each in judged for verdict in each.verdicts}
    assert outcomes == {Outcome.NOT_OFFERED}


# What is declared, a geometry, and why it is not offered.
REFUSED = {
    ("", f"{PLAIN}.p1x1"): "it takes no padding: takes=padding is not declared",
    ("takes=padding", f"{PLAIN}.p1x1.bias"): "it takes no bias: takes=bias is not declared",
    ("takes=padding,padding=pair", f"{PLAIN}.p1-0x0-0"): (
        "it takes padding as a pair, which is symmetric"
    ),
    ("rank=1", PLAIN): "it is of rank 1, for heights of 1 alone",
    ("rank=1", LINEAR.replace("s1", "s2")): "it is of rank 1, for heights of 1 alone",
}


@pytest.mark.parametrize(("declared", "geometry"), REFUSED)
def test_what_is_not_taken_is_not_offered(
    kernel_of: Callable[..., Any], tmp_path: Path, declared: str, geometry: str
) -> None:
    """It is not called there, and the verdict says which declaration would have it judged."""
    (tmp_path / "noting.py").write_text(NOTING, encoding="utf-8")
    line = f"convolution={tmp_path}/noting.py:convolution" + f",{declared}" * bool(declared)
    case = Case.parse(f"v1:convolution:float32:integers:{geometry}:1")
    verdict = judge(kernel_of(line, isolated=False), case)
    assert verdict.outcome is Outcome.NOT_OFFERED
    assert verdict.reason == REFUSED[declared, geometry]
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p1x0", "padding 1 x 0"),
        ("p1-0x0-2", "padding 1 above, 0 below, 0 left, 2 right"),
        ("d2x1", "dilation 2 x 1"),
        ("q0x1", "output padding 0 x 1"),
        ("g2.bias", "2 groups, bias"),
    ],
)
def test_parameters_in_words(text: str, words: str) -> None:
    """A message names the parameters of a geometry, those that it has."""
    told = describe(Geometry.parse(f"{PLAIN}.{text}"))
    assert told == f"{describe(Geometry.parse(PLAIN))}, {words}"


def test_torch_of_rank_1(kernel_of: Callable[..., Any]) -> None:
    """So one line has PyTorch's conv1d judged, whose results have no height either."""
    line = (
        "convolution=torch.nn.functional:conv1d,tensors=NCHW,filters=OIHW,arrays=torch,"
        f"padding=pair,rank=1,{ALL},names=strd:stride"
    )
    case = Case.parse(f"v1:convolution:float32:integers:{LINEAR}.p0x1.d1x2.g2.bias:1")
    kernel = kernel_of(line, isolated=False)
    assert judge(kernel, case).outcome is Outcome.AGREES
    x, ftr = case.arrays()["x"], case.arrays()["ftr"]
    assert np.asarray(kernel(x[..., :1], ftr, (1, 2))).ndim == 4
