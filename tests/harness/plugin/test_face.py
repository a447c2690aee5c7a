"""Kernels are judged from Python as on the command line, without pytest and Hypothesis."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pytest_runs import environment

import convcheck
from convcheck.conformance.face.engine import Run
from convcheck.conformance.plan.plan import plan
from convcheck.conformance.references import reference_for
from convcheck.form.operations import OPERATIONS
from convcheck.reference import convolution as right

ID = "v1:convolution:float32:integers:b1.h2.w3.i1.o1.f2x2.s1x1:7"


def flipped(x: Any, ftr: Any, strd: Any) -> Any:
    """Return the convolution with a filter that is upside down."""
    return vectorised(x, ftr[:, ::-1], strd)


def vectorised(x: Any, ftr: Any, strd: Any) -> Any:
    """Return the convolution."""
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    strided = windows[:, :: strd[0], :: strd[1]]
    return np.einsum("bhwcij,cijo->bhwo", strided, ftr, optimize=True).astype(x.dtype)


class Own:
    """Kernels that are no functions of a module."""

    def __init__(self, turn: int = 1) -> None:
        self.turn = turn

    def convolve(self, x: Any, ftr: Any, strd: Any) -> Any:
        """Return a convolution, with a filter that is upside down where `turn` is -1."""
        return vectorised(x, ftr[:, :: self.turn], strd)

    def __call__(self, *arguments: Any) -> Any:
        """Return the same."""
        return self.convolve(*arguments)


def turned(turn: int, x: Any, ftr: Any, strd: Any) -> Any:
    """Return the same."""
    return Own(turn).convolve(x, ftr, strd)


RIGHT: dict[str, Callable[..., Any]] = {
    "function": vectorised,
    "method": Own().convolve,
    "object": Own(),
    "partial": partial(turned, 1),
    "lambda": lambda x, ftr, strd: vectorised(x, ftr, strd=strd),
}
WRONG: dict[str, Callable[..., Any]] = {
    "function": flipped,
    "method": Own(-1).convolve,
    "object": Own(-1),
    "partial": partial(turned, -1),
    "lambda": lambda x, ftr, strd: flipped(x, ftr, strd=strd),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_whatever_can_be_called_is_judged(kind: str) -> None:
    """A right kernel passes, a wrong one fails with its diagnosis and how to judge it again."""
    convcheck.assert_conforms(RIGHT[kind], "convolution")
    with pytest.raises(AssertionError) as failure:
        convcheck.assert_conforms(WRONG[kind], "convolution")
    headline, first, *lines = str(failure.value).splitlines()
    assert headline == "convolution behaves exactly like: the filter is flipped in its rows"
    assert first.startswith("  convolution, float64: the kernel disagrees with the oracle")
    name = "flipped" if kind == "function" else "kernel"
    (again,) = [line.split(None, 1)[1] for line in lines if line.startswith("  rerun ")]
    assert again.startswith(f'convcheck.check({name}, "convolution", case="v1:convolution:')
    result = eval(again, {"convcheck": convcheck, name: WRONG[kind]})  # noqa: S307  (our own)
    assert not result
    assert not any(line.startswith(("  fails ", "Does not ")) for line in lines)


def test_the_result_tells_all() -> None:
    """A result is true where nothing failed, short where it is shown, and tells all as text."""
    good = convcheck.check(vectorised, "convolution", seed=3)
    assert good
    assert str(good).startswith("Conforms: no disagreement in ")
    assert repr(good).startswith("<Result convolution: conforms: no disagreement in ")
    assert 4_000 < good.decided < good.judged
    bad = convcheck.check(flipped, "convolution")
    assert not bad
    assert bad.failures[0].failed
    assert repr(bad).startswith(
        "<Result convolution: does not conform: behaves exactly like: the filter is flipped in its "
        "rows; see v1:"
    )
    assert f'case="{bad.told}"' in str(bad)
    assert len(repr(bad)) < 200
    assert "\n  fails    certified (float64): v1:convolution:float64:integers:" in str(bad)
    assert "\n  fails    linearity" not in str(bad)
    assert "\nDoes not conform: convolution behaves exactly like: " in str(bad)


def test_of_cases_alone_no_more_is_said() -> None:
    """Whether right or wrong, a result says that nothing else was judged."""
    good, bad = (convcheck.check(each, "convolution", case=ID) for each in (right, flipped))
    assert repr(good).startswith("<Result convolution: conforms in what was run: no disagreement")
    assert bad.told == ID
    assert f"; see {ID}; nothing else was judged>" in repr(bad)
    for each in (good, bad):
        assert not each.whole
        assert "; nothing else was judged" in str(each)
        assert len(repr(each)) < 200


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_judged(name: str) -> None:
    """The reference's kernels conform, here by the first steps."""
    judged = Run(reference_for(name), "quick", 0, str)
    judged.walk(islice(plan(OPERATIONS[name]), 3))
    assert judged.conforms
    assert str(judged.result()).startswith("Conforms")


def test_strings_stand_for_cases_and_regions() -> None:
    """A case may be its id, a region the name of an operation."""
    assert convcheck.judge(right, ID)
    verdict = convcheck.judge(flipped, convcheck.Case.parse(ID))
    assert not verdict
    assert ID in repr(verdict)
    certificate = convcheck.certify(flipped, "convolution")
    assert not certificate
    assert certificate.failure is not None
    assert str(certificate.failure.case) in repr(certificate)
    assert max(map(len, map(repr, (verdict, certificate)))) < 200
    assert convcheck.explain(verdict) == str(verdict)
    several = convcheck.check(flipped, "convolution", case=[ID, ID.replace(":7", ":8")])
    assert {str(each.case) for each in several.failures} == {ID, ID.replace(":7", ":8")}
    assert convcheck.explain(several) == str(several)


def channels_first(x: Any, weight: Any, stride: Any, *, scale: float) -> Any:
    """Return the convolution in PyTorch's layouts."""
    z = vectorised(x.transpose(0, 2, 3, 1), weight.transpose(1, 2, 3, 0), stride)
    return scale * z.transpose(0, 3, 1, 2)


def test_declarations_are_keywords() -> None:
    """What a line declares is declared by the same words, in types of Python's."""
    declared: Any = {
        "tensors": "NCHW",
        "filters": "OIHW",
        "names": {"ftr": "weight", "strd": "stride"},
        "constants": {"scale": 1.0},
        "dtypes": ["float32", "float64"],
    }
    convcheck.assert_conforms(channels_first, "convolution", **declared)
    assert convcheck.judge(channels_first, ID, **declared)
    declared["constants"] = {"scale": 2.0}
    with pytest.raises(AssertionError, match='tensors="NCHW", filters="OIHW", names='):
        convcheck.assert_conforms(channels_first, "convolution", **declared)


def test_bfloat16_is_judged_where_it_is_declared() -> None:
    """Where it is not, the verdict names the declaration, with which it is."""
    case = ID.replace("float32", "bfloat16")
    verdict = convcheck.judge(right, case)
    assert not verdict
    assert "dtypes=bfloat16" in verdict.reason
    assert verdict.reason in str(verdict)
    assert convcheck.judge(right, case, dtypes="bfloat16")
    assert "dtypes=" not in convcheck.judge(right, case, dtypes="float32").reason


def test_the_dtypes_that_are_declared_are_certified() -> None:
    """An operation's name stands for no others; of an explicit region the rest is not offered."""
    for declared, certified in (
        (("float64", "float16"), ("float64",)),
        (("float32",), ("float32",)),
    ):
        certificate = convcheck.certify(right, "convolution", dtypes=declared)
        assert certificate
        assert certificate.region.dtypes == certified
    region = convcheck.Region("convolution", 1, dtypes=("float32", "float64"))
    part = convcheck.certify(right, region, dtypes=["float32"])
    assert not part
    assert "agreed  on 9 of 20 geometries; 11 not offered\n" in str(part)
    assert "undecided" not in str(part)


def test_an_integer_of_any_kind_is_a_seed() -> None:
    """NumPy's are, too."""
    seed: Any = np.int64(3)
    assert convcheck.check(right, "convolution", case=ID, seed=seed)
    assert convcheck.certify(right, convcheck.Region("convolution", 1), draws=seed, seed=seed)


def test_only_what_is_declared_is_judged() -> None:
    """Where nothing that is declared can be decided, that fails, and says so."""
    nothing = lambda *_: None  # noqa: E731
    with pytest.raises(AssertionError, match="the kernel returned NoneType, expected an array"):
        convcheck.assert_conforms(nothing, "convolution", dtypes="float32")


def checked(**keywords: Any) -> convcheck.Result:
    """Return the result for a right kernel."""
    return convcheck.check(right, "convolution", **keywords)


BAD: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "no function": (
        TypeError,
        "kernel='mine': expected a function, or 'exec:PROGRAM', not one of type str",
        lambda: convcheck.assert_conforms("mine", "convolution"),
    ),
    "no such operation": (
        ValueError,
        "operation='conv': expected one of convolution, ",
        lambda: convcheck.assert_conforms(right, "conv"),
    ),
    "no name": (
        TypeError,
        "operation=3: expected the name of one",
        lambda: convcheck.check(right, 3),  # type: ignore[arg-type]
    ),
    "profile": (
        ValueError,
        "profile='fast': expected one of quick, default, thorough",
        lambda: convcheck.check(right, "convolution", profile="fast"),  # type: ignore[arg-type]
    ),
    "seed": (
        ValueError,
        "seed=-1: expected an integer from 0 to ",
        lambda: convcheck.check(right, "convolution", seed=-1),
    ),
    "arguments": (
        ValueError,
        "cannot be called with the 3 arguments of convolution (x, ftr, strd): ",
        lambda: convcheck.check(Own, "convolution"),
    ),
    "declaration": (
        TypeError,
        "unexpected argument pad=1: expected one of profile, seed, isolated, case, tensors, ",
        lambda: convcheck.check(right, "convolution", pad=1),  # type: ignore[call-arg]
    ),
    "layout": (
        ValueError,
        "tensors='NHCW': expected one of NHWC, NCHW",
        lambda: convcheck.check(right, "convolution", tensors="NHCW"),  # type: ignore[arg-type]
    ),
    "dtypes": (
        ValueError,
        "dtypes='float8': expected one of float16, ",
        lambda: convcheck.check(right, "convolution", dtypes=["float8"]),
    ),
    "constant": (
        ValueError,
        "constants=to: <object",
        lambda: convcheck.check(right, "convolution", constants={"to": object()}),
    ),
    "not importable": (
        ValueError,
        "isolated=True: expected a function that can be imported, not ",
        lambda: convcheck.check(RIGHT["lambda"], "convolution", isolated=True),
    ),
    "case of another": (
        ValueError,
        "expected a case of convolution_transpose",
        lambda: convcheck.check(right, "convolution_transpose", case=ID),
    ),
    "no id": (ValueError, "case id 'v1'", lambda: convcheck.judge(right, "v1")),
    **{
        f"{name}={value!r}": (
            TypeError,
            text,
            partial(checked, **{name: value}),
        )
        for name, value, text in [
            ("seed", "a", "seed='a': expected an integer"),
            ("seed", True, "seed=True: expected an integer"),
            ("profile", None, "profile=None: expected one of quick, default, thorough"),
            ("tensors", 1, "tensors=1: expected a text"),
            ("dtypes", 32, "dtypes=32: expected a list of texts"),
            ("case", None, "case=None: expected a Case, or the id of one"),
            ("case", 3, "case=3: expected a Case, or the id of one"),
            ("case", [3], "case=3: expected a Case, or the id of one"),
            ("isolated", "no", "isolated='no': expected True or False"),
        ]
    },
    "certify's argument": (
        TypeError,
        "unexpected argument profile='quick': expected one of draws, seed, progress, isolated, ",
        lambda: convcheck.certify(right, "convolution", profile="quick"),  # type: ignore[call-arg]
    ),
    "draws": (
        TypeError,
        "draws='2': expected an integer",
        lambda: convcheck.certify(right, "convolution", draws="2"),  # type: ignore[arg-type]
    ),
    "no draws": (
        ValueError,
        "draws=0: expected an integer of at least 1",
        lambda: convcheck.certify(right, "convolution", draws=0),
    ),
    "progress": (
        TypeError,
        "progress=3: expected a function",
        lambda: convcheck.certify(right, "convolution", progress=3),  # type: ignore[arg-type]
    ),
    "geometry": (
        TypeError,
        "geometry=None: expected a Geometry",
        lambda: convcheck.Case("convolution", None, "float32", "integers", 0),  # type: ignore[arg-type]
    ),
    "case id": (
        TypeError,
        "case id None: expected a text",
        lambda: convcheck.Case.parse(None),  # type: ignore[arg-type]
    ),
    "line": (
        TypeError,
        "candidate=3: expected a text of the form OPERATION=",
        lambda: convcheck.Candidate.parse(3),  # type: ignore[arg-type]
    ),
    "candidate": (
        TypeError,
        "candidate='line': expected one, as of Candidate.parse",
        lambda: convcheck.Isolated("line"),  # type: ignore[arg-type]
    ),
    "limit": (
        TypeError,
        "seconds='2': expected a positive number",
        lambda: convcheck.check(right, "convolution", isolated=True, seconds="2"),  # type: ignore[arg-type]
    ),
    "limit of this process": (
        ValueError,
        "seconds: expected isolated=True beside a limit",
        lambda: convcheck.check(right, "convolution", seconds=2),
    ),
    "verdict": (
        TypeError,
        "verdict=None: expected a Verdict, or a Result",
        lambda: convcheck.explain(None),  # type: ignore[arg-type]
    ),
    "no region": (
        TypeError,
        "region=3: expected a Region, or the name of an operation",
        lambda: convcheck.certify(right, 3),  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_one_clear_line(name: str) -> None:
    """It names argument, value and what is expected."""
    kind, text, call = BAD[name]
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


USER = """
import sys
from mine import {name} as kernel
import convcheck
try:
    convcheck.assert_conforms(kernel, "convolution", isolated={isolated})
except AssertionError as error:
    print(error)
print("still here", sorted({{"pytest", "hypothesis"}} & {{*sys.modules}}))
"""
MINE = """
import os
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr, optimize=True)

def crashes(x, ftr, strd):
    if x.shape[1] == 3:
        os.abort()
    return convolution(x, ftr, strd)

def flips(x, ftr, strd):
    return convolution(x, ftr[:, ::-1], strd)

packed = {}

def remembers(x, ftr, strd):
    return convolution(x, packed.setdefault((ftr.shape, ftr.dtype), ftr.copy()), strd)
"""

SLOW = """
import time
import convcheck
def convolution(x, ftr, strd):
    time.sleep(60)
if __name__ == "__main__":
    print(convcheck.check(convolution, "convolution", case="{case}", {limits}))
"""


def run(folder: Path, name: str, *, isolated: bool = False) -> subprocess.CompletedProcess[str]:
    """Judge a kernel of MINE in a program of a user's."""
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    (folder / "test_user.py").write_text(
        USER.format(name=name, isolated=isolated), encoding="utf-8"
    )
    return subprocess.run(
        [sys.executable, "test_user.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )


@pytest.mark.parametrize(("name", "isolated"), [("convolution", True), ("flips", False)])
def test_no_test_framework_is_imported(tmp_path: Path, name: str, isolated: bool) -> None:  # noqa: FBT001
    """Neither pytest nor Hypothesis is, whether the kernel is right or wrong."""
    done = run(tmp_path, name, isolated=isolated)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("still here []\n")
    assert ("behaves exactly like" in done.stdout) == (name == "flips")


def test_a_crash_ends_no_process_but_the_kernel_s(tmp_path: Path) -> None:
    """In a process of its own a kernel may crash, and that is told; else it is in the user's."""
    done = run(tmp_path, "crashes", isolated=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("convolution crashed its process (SIGABRT)\n")
    assert done.stdout.endswith("still here []\n")
    assert run(tmp_path, "crashes").returncode == -6


def test_what_a_kernel_remembers_is_told(tmp_path: Path) -> None:
    """It cannot be undone in the process of the test, and is looked into in another."""
    done = run(tmp_path, "remembers")
    assert done.stdout.startswith(
        "convolution behaves exactly like: ftr of the first call with its shape is used ever after"
    )
    assert "right when first called, wrong after a call with other numbers" in done.stdout
    assert 'case=["v1:convolution:' in done.stdout


def test_limits_are_keywords_and_named_so(tmp_path: Path) -> None:
    """What is said of a limit names what sets it, and so does the line that judges again."""
    limits = "isolated=True, seconds=0.5, first_seconds=1"
    (tmp_path / "slow.py").write_text(SLOW.format(case=ID, limits=limits), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "slow.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "did not return in time (first_seconds=1; once it has hung, 0.5 s)" in done.stdout
    assert f"{limits})" in done.stdout


def test_a_subject_says_itself_what_it_declares() -> None:
    """Limits of a process of its own come with it, and nothing may be declared beside it."""
    candidate = convcheck.Candidate.parse("convolution=convcheck.reference:convolution")
    with convcheck.Isolated(candidate, seconds=5) as kernel:
        assert convcheck.check(kernel, "convolution", case=ID)
        assert convcheck.check(kernel, "convolution", case=ID)  # it was not stopped
        with pytest.raises(TypeError, match="tensors: expected none beside convolution="):
            convcheck.check(kernel, "convolution", case=ID, tensors="NCHW")
        with pytest.raises(ValueError, match="expected convolution, which is what"):
            convcheck.check(kernel, "convolution_transpose")


def test_the_face_imports_nothing_before_it_is_asked(tmp_path: Path) -> None:
    """`import convcheck` takes no time."""
    code = "import sys; before = {*sys.modules}; import convcheck; print({*sys.modules} - before)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'convcheck'}\n"


def test_what_the_face_has_is_there() -> None:
    """Every name that it announces can be had."""
    assert isinstance(convcheck, ModuleType)
    assert all(getattr(convcheck, name) is not None for name in convcheck.__all__)
