"""A failure message says what is wrong, and its code shows it to whoever runs it."""

import contextlib
import io
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arithmetic import WHOLE
from hostile import raises, returns

from convcheck.cases.case import REAL_FILLS, Case, exact_fills, nonfinite_fills
from convcheck.conformance.references import reference_for
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome, Verdict, explain
from convcheck.kernels.arguments.arrangements import KINDS, PAIRS, valued
from convcheck.kernels.functions import Function, load
from convcheck.kernels.shown import code as explaining
from convcheck.kernels.shown.code import snippet
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.subjects import Call
from convcheck.reference import convolution, convolution_transpose

CONVOLUTION = OPERATIONS["convolution"]
PARTNERS = {"convolution": convolution, "convolution_transpose": convolution_transpose}
CASE = Case.parse("v1:convolution:float32:integers:b1.h3.w4.i1.o2.f2x2.s1x2:7")


def flipped(x: Any, ftr: Any, strd: Any) -> Any:
    """Compute with the filter upside down."""
    return convolution(x, ftr[:, ::-1], strd)


FLIPPED = Function(flipped, CONVOLUTION)


def run(lines: list[str], **names: Any) -> str:
    """Run a snippet and return what it prints; `names` stand for kernels it cannot import."""
    kept = [line for line in lines if "# the kernel that was judged" not in line]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        exec("\n".join(kept), dict(names))  # noqa: S102  (that it can be run is the point)
    return printed.getvalue().strip()


def test_message_has_all_that_a_reader_needs() -> None:
    """Operation, element, got, expected, multiple of the bound, case and command are there."""
    verdict = judge(flipped, CASE)
    message = explain(verdict, f"pytest --case {CASE}")
    evidence = verdict.evidence
    assert evidence is not None
    assert "convolution, float32" in message
    assert f"{evidence.expression} is {evidence.got!r}, expected {evidence.expected!r}" in message
    assert "times the bound" in message
    assert f"{evidence.wrong} of {evidence.total} elements" in message
    assert "batch 1, input 3 x 4, channels 1 to 2, filter 2 x 2, stride 1 x 2" in message
    assert f"rerun    pytest --case {CASE}\n" in message
    assert f"case id  {CASE}\n" in explain(verdict)
    assert "rerun" not in explain(verdict)


@pytest.mark.parametrize("kind", ["copy", "x", *KINDS])
def test_snippets_hand_over_arguments_as_the_judge_does(kind: str) -> None:
    """The text of a call has the same values, strides, addresses and types."""
    seen: list[Any] = []

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        address = ftr.ctypes.data % 16 if kind == "offset" else 0
        seen.append(
            (
                str(ftr.dtype),
                ftr.tolist(),
                ftr.strides,
                ftr.flags.writeable,
                address,
                ftr is x,
                repr(strd),
            )
        )
        return np.zeros((1, 2, 2, 2))

    square = Case.parse("v1:convolution:float32:integers:b2.h2.w2.i2.o2.f2x2.s1x1:7")
    arrays = square.arrays()
    arrays["ftr"] = arrays["x"]
    arrangement = f"{kind}:{'strd' if kind in PAIRS else 'ftr'}"
    arrays |= valued(arrays, arrangement, lambda _: None)
    subject = Function(kernel, OPERATIONS["convolution"])
    calls = [Call(square.geometry, arrays, None, each) for each in ("copy", arrangement)]
    subject.call_all(calls)
    run(snippet(subject, Evidence(arrays, square, arrangement=arrangement)), kernel=kernel)
    plain, judged, written = seen
    assert judged == written
    assert (judged == plain) is (kind == "copy")


def test_worst_element_is_shown() -> None:
    """Of several wrong elements the one furthest beyond its bound is shown."""
    flaws = np.zeros((1, 2, 2, 2))
    flaws[0, 0, 0, 0], flaws[0, 1, 1, 1] = 1, 1e6
    evidence = judge(returns(lambda z: z + flaws), CASE).evidence
    assert evidence is not None
    assert (evidence.expression, evidence.wrong) == ("z[0, 1, 1, 1]", 2)


def test_misbehaviour_is_told_in_one_line() -> None:
    """An exception's text is shown on one line, cut where it is endless."""
    endless = ValueError("first\nsecond " + "x" * 10_000)
    first, *rest = explain(judge(raises(endless), CASE)).splitlines()
    assert "the kernel raised ValueError: first second" in first
    assert len(first) < 300
    assert rest


@pytest.mark.parametrize("printed", [0, 1000])
@pytest.mark.parametrize("name", OPERATIONS)
def test_snippet_repeats_the_call(name: str, printed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every operation and fill, short lines of NumPy give the kernel's result to the bit."""
    monkeypatch.setattr(explaining, "_PRINTED", printed)  # 0: arrays are drawn again
    operation = OPERATIONS[name]
    fore = "+convolution.k2.f1x1.s1x2" if operation.default_fore else ""
    geometries = [Geometry.parse(f"b1.h4.w3.i2.o2.f2x1.s2x1{fore}")]
    geometries += [WHOLE[name]] if name in WHOLE else []
    kernel = reference_for(name)
    fills = (exact_fills, lambda *_: REAL_FILLS, nonfinite_fills)
    for geometry, of in product(geometries, fills):
        for fill in of(operation, geometry.bias):
            case = Case(name, geometry, "float32", fill, 5)
        arrays = case.arrays()
        positional, keywords = operation.arguments(case.geometry, arrays)
        with np.errstate(all="ignore"):
            expected = kernel(*positional, **keywords)
        lines = snippet(kernel, Evidence(arrays, case, expression="z.tolist()"))
        assert all(len(line) <= 200 for line in lines)
        assert run(lines) == repr(expected.tolist()), fill


def stale(x: Any, ftr: Any, strd: Any) -> Any:
    """Return what the same shape gave the last time."""
    last = _SEEN.get(x.shape, convolution(x, ftr, strd))
    _SEEN[x.shape] = convolution(x, ftr, strd)
    return last


_SEEN: dict[Any, Any] = {}


@pytest.mark.parametrize("law", LAWS)
def test_snippet_of_a_broken_law_shows_the_wrong_number(law: str) -> None:
    """Whatever law a kernel breaks, the snippet prints the number that broke it."""

    def wrong(x: Any, ftr: Any, strd: Any, *, bias: Any = 0) -> Any:
        z = convolution(x, ftr, strd) + 1000 * (strd[0] > 1) + bias
        z[:, :1] *= 3
        return np.maximum(z, 0)

    def unstrided(*given: Any) -> Any:
        x, ftr = (each.ravel(order="K").reshape(each.shape) for each in given[:2])
        return convolution(x, ftr, given[2])

    kernel = {"repeatability": stale, "memory layout": unstrided}.get(law, wrong)
    bias = ".bias" * (law == "parameters")
    case = Case.parse(f"v1:convolution:float64:integers:b2.h6.w6.i2.o2.f2x2.s2x2{bias}:3")
    _SEEN.clear()
    verdict = judge_law(law, kernel, case, PARTNERS)
    assert verdict.evidence is not None, verdict
    _SEEN.clear()
    lines = snippet(verdict.subject, verdict.evidence)
    assert all(len(line) <= 200 for line in lines)
    assert float(run(lines, wrong=wrong, stale=stale, unstrided=unstrided)) == verdict.evidence.got
    assert f"# expected {verdict.evidence.expected!r}" in lines[-1]


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("mine.py:own", "import runpy; convolution = runpy.run_path('mine.py')['own']"),
        ("a b/mine.py:own", "import runpy, sys; sys.path.insert(0, 'a b'); convolution = "),
        ("mine:own", "from mine import own as convolution"),
        ("mine:Kernels.own", "import mine as kernels; convolution = kernels.Kernels.own"),
        (
            "mine.py:Kernels.own",
            "import runpy; convolution = runpy.run_path('mine.py')['Kernels'].",
        ),
        ("mine:own,dtypes=float32", "from mine import own as convolution"),
        ("mine:nchw,tensors=NCHW", "from convcheck.kernels.functions import load; convolution ="),
    ],
)
def test_snippet_of_a_candidate_runs_alone(
    target: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snippet finds the user's function as the command line did, without convcheck if it can."""
    (tmp_path / "a b").mkdir()
    for folder in (tmp_path, tmp_path / "a b"):
        (folder / "mine.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    verdict = judge(load(f"convolution={target}"), CASE)
    assert verdict.evidence is not None
    lines = snippet(verdict.subject, verdict.evidence)
    assert lines[1].startswith(line)
    assert float(run(lines)) == verdict.evidence.got


MINE = """
import numpy as np

def own(x, ftr, strd):
    fh, fw = ftr.shape[1:3]
    windows = np.lib.stride_tricks.sliding_window_view(x, (fh, fw), (1, 2))
    windows = windows[:, ::strd[0], ::strd[1], :, ::-1]
    return np.einsum("bpqihw,ihwo->bpqo", windows, ftr)

def nchw(x, ftr, strd):
    return own(x.transpose(0, 2, 3, 1), ftr, strd).transpose(0, 3, 1, 2)

class Kernels:
    own = staticmethod(own)
"""


def hwio(x: Any, ftr: Any, strd: Any) -> Any:
    """Convolve channels first with a filter in HWIO, wrongly if it is not contiguous."""
    right = convolution(x.transpose(0, 2, 3, 1), ftr.transpose(2, 0, 1, 3), strd)
    return (right if ftr.flags.c_contiguous else 2 * right).transpose(0, 3, 1, 2)


def test_snippet_arranges_memory_in_the_layout_declared() -> None:
    """In layouts of its own, too, a kernel's wrong number shows in the snippet's call."""
    module = sys.modules[__name__]
    sys.modules.setdefault(module.__name__, module)
    kernel = load(f"convolution={module.__name__}:hwio,filters=HWIO,tensors=NCHW")
    assert judge(kernel, CASE)
    verdict = judge_law("memory layout", kernel, CASE, PARTNERS)
    evidence = verdict.evidence
    assert evidence is not None
    assert evidence.got == 2 * evidence.expected
    assert run(snippet(kernel, evidence)) == repr(evidence.got)


def test_agreement_within_the_bound_and_of_a_law_is_told() -> None:
    """The largest error stands beside the bound; a law is named."""
    text = explain(judge(convolution, Case.parse(f"{CASE}".replace("integers", "uniform"))))
    assert "the kernel agrees with the oracle, within what rounding can explain\n" in text
    (error,) = (float(line.split()[3]) for line in text.splitlines() if "  error " in line)
    assert 0 < error <= 1
    law = explain(judge_law("linearity", convolution, CASE, PARTNERS))
    assert law.startswith("convolution, float32: the kernel agrees with itself: linearity holds\n")


def test_wrong_verdicts_are_false_and_tell_all_as_text() -> None:
    """What disagreed or misbehaved is false, and its text has the snippet."""
    for kernel in (flipped, lambda *_: None):
        verdict = judge(kernel, CASE)
        assert verdict.failed
        assert not verdict
        assert "\n  alone\n" in str(verdict)


def test_repr_is_one_short_line_with_the_case() -> None:
    """Whatever the reason, and however long the case id, pytest shows all of a verdict's line."""
    fore = "b16.h11.w11.i128.o128.f11x11.s2x2+convolution_transpose.k128.f11x11.s2x2"
    long = Case.parse(f"v1:conv_transpose_back_prop:float16:nonfinite-fore_delta:{fore}:{2**63}")
    for case in (CASE, long):
        for reason in ("", "raised ValueError: a\nb\x1b[31m", "very long " * 50):
            verdict = Verdict(case, FLIPPED, "nonfinite others", Outcome.MISBEHAVED, reason)
            line = repr(verdict)
            assert len(line) < 200
            assert line.isprintable()
            assert f"misbehaved on {case}" in line
    assert repr(judge(flipped, CASE)) == (
        f"<Verdict exact: disagrees on {CASE}; 8 of 8 elements are wrong>"
    )


def overwrites(x: Any, ftr: Any, strd: Any) -> Any:
    """Scale the filter in place."""
    ftr *= 2
    return convolution(x, ftr, strd)


# What the snippet of each prints, which its comment says is not expected.
DEEDS = {
    "list": (returns(lambda z: z.tolist()), "<class 'list'>", "an array"),
    "integers": (returns(lambda z: z.astype(int)), "int64", "a real floating dtype"),
    "view": (lambda x, *_: x[:, :2, :2], "[True, False, True]", "no True"),
    "overwritten": (overwrites, "[True, False]", "no False"),
    "shape": (returns(lambda z: z[:, 1:]), "(1, 1, 2, 2)", "(1, 2, 2, 2)"),
}


@pytest.mark.parametrize("name", DEEDS)
def test_snippets_of_misbehaviour_show_it(name: str) -> None:
    """Code that is to show what a kernel did prints something else than it expects."""
    kernel, printed, expected = DEEDS[name]
    two = Case.parse("v1:convolution:float64:integers:b1.h3.w4.i2.o2.f2x2.s1x2:7")
    verdict = judge(kernel, two)
    assert verdict.outcome is Outcome.MISBEHAVED
    assert verdict.evidence is not None
    lines = snippet(verdict.subject, verdict.evidence)
    assert run(lines, **{verdict.subject.name: kernel}) == printed
    assert lines[-1].endswith(f"# expected {expected}")
