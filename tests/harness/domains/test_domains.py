"""Kernels with a domain: right ones conform, wrong ones do not, and none is called outside."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pytest_runs import Command, Folder
from zoo import STYLES, kernels

import convcheck
from convcheck.cases.domain import Domain, names
from convcheck.cases.taken import Taken
from convcheck.cases.worded import in_words
from convcheck.diagnosis.where import domains
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Fitted, Function, load
from convcheck.kernels.loading import CandidateError
from convcheck.reference.parameters import convolution

KERNELS = kernels(STYLES["einsum"])
Kernel = Callable[..., Any]
THREE = "filter_height == 3 and filter_width == 3 and channels_in % 8 == 0"


class Guarded:
    """A kernel that takes note of calls that it does not take."""

    def __init__(self, kernel: Kernel, operation: str, takes: Callable[[Any], Any]) -> None:
        self._kernel, self._names, self._takes = kernel, OPERATIONS[operation].signature, takes
        self.outside = list[Any]()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Return what the kernel returns."""
        named = SimpleNamespace(**dict(zip(self._names, arguments, strict=True)))
        if not self._takes(named):
            self.outside.append(named)
        return self._kernel(*arguments, **keywords)


def _is_three(a: Any) -> Any:
    return a.ftr.shape[1:3] == (3, 3) and a.ftr.shape[0] % 8 == 0


RIGHT: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "filters and channels": ("convolution", THREE, _is_three),
    "transposed": ("convolution_transpose", THREE, _is_three),
    "a gradient": ("convolution_input_gradient", THREE, _is_three),
    "batch": ("convolution", "batch == 1", lambda a: len(a.x) == 1),
    "strides": (
        "convolution",
        "stride_height == stride_width > 1",
        lambda a: a.strd[0] == a.strd[1] > 1,
    ),
    "extents": (
        "convolution_filter_gradient",
        "height % 4 == 0 and width % 4 == 0",
        lambda a: a.x.shape[1] % 4 == a.x.shape[2] % 4 == 0,
    ),
    "channels": (
        "convolution",
        "channels_in == channels_out",
        lambda a: a.ftr.shape[0] == a.ftr.shape[3],
    ),
    "two layers": (
        "conv_back_prop",
        "fore_filter_height == 2 and filter_height == 3 and batch < 3",
        lambda a: (a.fore_w.shape[1], a.fltrs.shape[1]) == (2, 3) and len(a.x) < 3,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str) -> None:
    """A right kernel conforms, judged on as much as others, and is never called outside."""
    operation, only, takes = RIGHT[name]
    kernel = Guarded(KERNELS[operation], operation, takes)
    result = convcheck.check(kernel, operation, only=only)
    assert result, str(result)
    assert not kernel.outside
    assert result.decided > 1000
    taken = Taken(domain=Domain.parse(only, names(OPERATIONS[operation])))
    assert f"judged for {in_words(taken)}; nothing is said of others" in result.headline


FAULTS: dict[str, Callable[[Any, Any], Any]] = {
    "channels": lambda z, a: z[..., ::-1].copy() if a.ftr.shape[0] > 8 else z,
    "rows": lambda z, a: z * 0 if a.x.shape[1] > 20 else z,
    "strides": lambda z, a: z + (a.strd[0] == 3),
    "shape": lambda z, a: z[:, :, :1].copy() if a.x.shape[2] == 9 else z,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong(fault: str) -> None:
    """A kernel that is wrong inside is rejected, and not called outside to find out how."""

    def wrong(x: Any, ftr: Any, strd: Any) -> Any:
        z = KERNELS["convolution"](x, ftr, strd)
        return FAULTS[fault](z, SimpleNamespace(x=x, ftr=ftr, strd=strd))

    kernel = Guarded(wrong, "convolution", _is_three)
    result = convcheck.check(kernel, "convolution", only=THREE)
    assert result.failures
    assert not kernel.outside
    assert all(verdict.case.geometry.filter_height == 3 for verdict in result.failures)


def test_parameters() -> None:
    """So it is with parameters, whose law and certificate ask, too."""
    outside = []

    def kernel(x: Any, ftr: Any, strd: Any, *, padding: Any, groups: int) -> Any:
        if padding != ((1, 1), (1, 1)) or groups != x.shape[3] or ftr.shape[1] != 3:
            outside.append((x.shape, ftr.shape, padding, groups))
        return convolution(x, ftr, strd, padding=padding, groups=groups)

    only = (
        "padding_top == 1 and padding_bottom == 1 and padding_left == 1 and padding_right == 1 "
        "and groups == channels_in and filter_height == 3"
    )
    result = convcheck.check(kernel, "convolution", only=only, takes=["padding", "groups"])
    assert result, str(result)
    assert not outside


def test_strides_are_one_integer() -> None:
    """It is handed over as such, for equal strides alone."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        assert isinstance(strd, int | np.integer)
        return KERNELS["convolution"](x, ftr, (strd, strd))

    result = convcheck.check(kernel, "convolution", strides="int")
    assert result, str(result)
    assert result.decided > 1000


def test_refuses_by_itself() -> None:
    """NotImplementedError is no fault where that is declared; else the declaration is named."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if ftr.shape[1] == 2:
            raise NotImplementedError
        return KERNELS["convolution"](x, ftr, strd)

    result = convcheck.check(kernel, "convolution", partial=True)
    assert result, str(result)
    assert "not offered" in result.headline
    result = convcheck.check(kernel, "convolution")
    assert result.failures
    assert "declare  partial=yes" in str(result)


NO_REMAINDER = (
    "(height - filter_height) % stride_height == 0 and (width - filter_width) % stride_width == 0"
)
TILES = "filter_height == 3 and filter_width == 3 and stride_height == 1 and stride_width == 1"
SUGGESTED: dict[str, Callable[[Any, Any, Any], bool]] = {
    THREE: lambda x, ftr, strd: ftr.shape[1:3] == (3, 3) and ftr.shape[0] % 8 == 0,  # noqa: ARG005
    "batch == 1": lambda x, ftr, strd: len(x) == 1,  # noqa: ARG005
    "stride_height == stride_width": lambda x, ftr, strd: strd[0] == strd[1],  # noqa: ARG005
    "channels_in % 3 == 0": lambda x, ftr, strd: ftr.shape[0] % 3 == 0,  # noqa: ARG005
    "channels_in % 8 == 0 and channels_out % 8 == 0": lambda x, ftr, strd: (  # noqa: ARG005
        not (ftr.shape[0] % 8 or ftr.shape[3] % 8)
    ),
    f"{TILES} and channels_in % 8 == 0 and channels_out % 8 == 0": lambda x, ftr, strd: (  # noqa: ARG005
        (ftr.shape[1:3], tuple(strd)) == ((3, 3), (1, 1))
        and not (ftr.shape[0] % 8 or ftr.shape[3] % 8)
    ),
    NO_REMAINDER: lambda x, ftr, strd: (
        not any((x.shape[axis] - ftr.shape[axis]) % strd[axis - 1] for axis in (1, 2))
    ),
}


@pytest.mark.parametrize("only", SUGGESTED)
def test_domain_is_suggested(only: str) -> None:
    """A kernel that raises outside of a domain alone is told it; one that is wrong, too, is not."""

    def raises(x: Any, ftr: Any, strd: Any) -> Any:
        if not SUGGESTED[only](x, ftr, strd):
            raise ValueError
        return KERNELS["convolution"](x, ftr, strd)

    def wrong(x: Any, ftr: Any, strd: Any) -> Any:
        z = raises(x, ftr, strd)
        return -z if z.shape[1] == 2 else z

    subject = Function(raises, OPERATIONS["convolution"])
    found = domains.learned(subject, "float32")
    assert found is not None
    assert str(found[0]) == only
    assert found[1] > 20
    assert not domains.takes_integers(subject, "float32")
    assert domains.learned(Function(wrong, OPERATIONS["convolution"]), "float32") is None


def test_square_layers_are_suggested() -> None:
    """So is a layer that is made of one size of filters, one stride and one padding, of its own."""

    def square(x: Any, ftr: Any, strd: Any, *, padding: Any) -> Any:
        (size,), (step,), (margin,) = map(set, (ftr.shape[1:3], strd, padding))
        pads = ((margin, margin), (margin, margin))
        assert size == ftr.shape[1]
        return convolution(x, ftr, (step, step), padding=pads)

    candidate = Candidate("convolution", "a", "b", takes=("padding",), padding="pair")
    found = domains.learned(Fitted(candidate, square), "float64")
    assert found is not None
    parts = {"filter_height == filter_width", "padding_top == padding_left"}
    assert {*str(found[0]).split(" and ")} == {*parts, "stride_height == stride_width"}


def test_integer_strides_are_suggested() -> None:
    """A kernel that raises on every pair of strides, and is right on integers, is told so."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        return KERNELS["convolution"](x, ftr, (strd + 0, strd + 0))

    subject = Function(kernel, OPERATIONS["convolution"])
    assert domains.learned(subject, "float32") is None
    assert domains.takes_integers(subject, "float32")


def test_names_like_one_are_suggested(folder: Folder) -> None:
    """A function that is not there is told of one with a name like its own."""
    where = folder(mine=MINE.format(error="ValueError"))
    with pytest.raises(CandidateError, match="has no 'convolutoin'; it has convolution"):
        load(f"convolution={where / 'mine.py'}:convolutoin")


def test_refuses_all() -> None:
    """A kernel that refuses every call conforms to nothing."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        raise NotImplementedError(x.shape, ftr.shape, strd)

    result = convcheck.check(kernel, "convolution", partial=True)
    assert not result
    assert not result.failures


def test_contiguous_alone() -> None:
    """All is C-contiguous then; without the declaration the kernel fails, and is told it."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        assert x.flags.c_contiguous
        assert ftr.flags.c_contiguous
        return KERNELS["convolution"](x, ftr, strd)

    assert convcheck.check(kernel, "convolution", memory="C")
    result = convcheck.check(kernel, "convolution")
    assert "declare  memory=C" in str(result)


def test_certificate() -> None:
    """What an operation's name stands for is restricted alike, and says so; a region is not."""
    kernel = Guarded(KERNELS["convolution"], "convolution", _is_three)
    certificate = convcheck.certify(kernel, "convolution", only=THREE)
    assert certificate
    assert f"for which {THREE};" in " ".join(str(certificate).split())
    assert not kernel.outside
    region = convcheck.Region("convolution", 3, channels=(8,))
    certificate = convcheck.certify(kernel, region, only=THREE)
    assert not certificate
    assert "not offered" in str(certificate)
    assert not kernel.outside


def test_single_case() -> None:
    """A case outside is not offered, with the reason."""
    verdict = convcheck.judge(
        KERNELS["convolution"],
        "v1:convolution:float32:integers:b2.h4.w4.i8.o1.f2x2.s1x1:0",
        only=THREE,
    )
    assert verdict.outcome is Outcome.NOT_OFFERED
    assert verdict.reason == f"it is declared for {THREE} alone"


MINE = """
import numpy as np

def convolution(x, ftr, strd):
    if ftr.shape[1:3] != (3, 3):
        raise {error}("not a filter of mine")
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, ::strd[0], ::strd[1]], ftr)
"""


def test_command(folder: Folder, command: Command) -> None:
    """The command judges it so in a process of its own, too, and says first for what."""
    folder(mine=MINE.format(error="ValueError"))
    only = "filter_height==3 and filter_width==3"
    line = f"convolution=mine.py:convolution,only={only}"
    told = command("check", line, "--hypothesis-profile", "quick")
    assert told.status == 0, told.out
    assert "judged for 3 x 3 filters; nothing is said of others" in " ".join(told.out.split())
    told = command("check", "convolution=mine.py:convolution,only=batch<0")
    assert told.status == 4
    assert "only='batch < 0'" in told.err


def test_table(folder: Folder, command: Command, tmp_path: Path) -> None:
    """A table in pyproject.toml has these as its natural types."""
    folder(mine=MINE.format(error="NotImplementedError"))
    table = """
    [[tool.convcheck.kernels]]
    kernel = "convolution=mine.py:convolution"
    partial = true
    memory = "C"
    """
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    case = "v1:convolution:float32:integers:b2.h4.w4.i1.o1.f2x2.s1x1:0"
    told = command("check", "--case", case)
    assert told.status == 4  # all was refused
    case = "v1:convolution:float32:integers:b2.h4.w4.i1.o1.f3x3.s1x1:0"
    assert command("check", "--case", case).status == 0
