"""Every law holds for right kernels, and is needed: a wrong kernel breaks it."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from misread import PLAIN, RARE, RIGHT
from subtle import SUBTLE

from convcheck.cases.case import Case
from convcheck.conformance.references import laws_of, partners, reference_for
from convcheck.diagnosis.mistakes import catalogue
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import Function
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.reference import convolution, convolution_transpose

GEOMETRY = "b2.h7.w6.i3.o2.f2x3.s2x1"

Kernel = Callable[[Any, Any, Any], Any]


def judged(law: str, kernel: Any, geometry: str = GEOMETRY, **changed: Any) -> Verdict:
    """Judge a convolution by a law."""
    case = Case.parse(f"v1:convolution:float64:integers:{geometry}:5")
    return judge_law(law, kernel, case, {**partners(), **changed})


_KEPT: dict[tuple[int, ...], Any] = {}


def reuses_its_buffer(x: Any, ftr: Any, strd: Any) -> Any:
    """Return the right result, always in the same memory."""
    z = convolution(x, ftr, strd)
    buffer = _KEPT.setdefault(z.shape, np.empty_like(z))
    buffer[...] = z
    return buffer


def looks_at_no_strides(x: Any, ftr: Any, strd: Any) -> Any:
    """Return the right result where both lie in the order of their axes."""
    x, ftr = (each.ravel(order="K").reshape(each.shape) for each in (x, ftr))
    return convolution(x, ftr, strd)


def bias_forgotten(x: Any, ftr: Any, strd: Any, *, bias: Any = None) -> Any:  # noqa: ARG001
    """Return the right result of a layer without a bias."""
    return convolution(x, ftr, strd)


MISTAKES = {each.id: each.make for each in catalogue("convolution")}
# For each law a wrong kernel, and which laws it breaks: in four cases no other, or one that sees
# the same fault.
BREAKS: dict[str, tuple[Kernel, set[str]]] = {
    "linearity": (MISTAKES["float32-first"](), {"linearity", "impulse"}),
    "splitting": (MISTAKES["channel-in-rotated"](), {"splitting", "impulse", "adjointness"}),
    "translation": (MISTAKES["edge-first-lost-columns"](), {"translation", "adjointness"}),
    "impulse": (MISTAKES["filter-flipped-rows"](), {"impulse", "adjointness"}),
    "subsampling": (MISTAKES["rows-tail-4"](), {"subsampling"}),
    "adjointness": (MISTAKES["doubled"](), {"adjointness", "impulse"}),
    "parameters": (bias_forgotten, {"parameters"}),
    "repeatability": (reuses_its_buffer, {"repeatability"}),
    "memory layout": (looks_at_no_strides, {"memory layout"}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_right_kernels_obey(name: str, dtype: str) -> None:
    """The reference obeys every law, with either kind of layer l+1 where there is one."""
    fores = [f"+{each}.k2.f2x1.s2x2" for each in LAYERS] if OPERATIONS[name].default_fore else [""]
    for law, fore in product(laws_of(name), fores):
        case = Case.parse(f"v1:{name}:{dtype}:integers:{GEOMETRY}{fore}:5")
        assert judge_law(law, reference_for(name), case, partners()).outcome is Outcome.AGREES, law


@pytest.mark.parametrize("law", LAWS)
def test_each_law_is_broken_by_a_wrong_kernel(law: str) -> None:
    """For every law there is a wrong kernel that breaks it, and the verdict says where."""
    kernel, broken = BREAKS[law]
    geometry = GEOMETRY + ".bias" * (law == "parameters")
    verdicts = {each: judged(each, kernel, geometry) for each in LAWS}
    assert {each for each in LAWS if verdicts[each].outcome is Outcome.DISAGREES} == broken
    assert verdicts[law].prop == law
    evidence = verdicts[law].evidence
    assert evidence is not None
    assert evidence.got != evidence.expected


# A geometry, and kernels that misread what it has.
MISREAD = {
    "b2.h4.w5.i2.o3.f2x3.s1x2.p1-0x2-0": (
        *("before and after exchanged", "edge values", "wrapped around"),
    ),
    "b2.h9.w7.i2.o3.f2x2.s4x1.d2x1": ("stride larger than the dilated filter",),
    "b2.h4.w4.i4.o4.f2x2.s1x1.g2": (
        *("groups interleaved", "outputs of groups in turns", "filter of the first group"),
    ),
    "b2.h3.w3.i2.o3.f2x2.s3x2.q2x1": ("output padding at the top",),
    "b2.h3.w3.i2.o3.f2x2.s3x2.p1x0.q2x0": ("output padding of zeros",),
    "b2.h4.w4.i2.o3.f2x2.s1x1.bias": ("bias for each tap",),
}


@pytest.mark.parametrize(
    ("geometry", "name"), [(text, name) for text, names in MISREAD.items() for name in names]
)
def test_a_misread_parameter_breaks_its_law(geometry: str, name: str) -> None:
    """Whichever parameter it is, a kernel that misreads it does not do what it stands for."""
    operation, kernel = {**PLAIN, **RARE}[name]
    case = Case.parse(f"v1:{operation}:float64:integers:{geometry}:5")
    for each, expected in ((RIGHT[operation], Outcome.AGREES), (kernel, Outcome.DISAGREES)):
        assert judge_law("parameters", each, case, {}).outcome is expected


EMPTY = GEOMETRY.replace("b2", "b0")
NOTHING_TO_SAY = {
    ("translation", "b1.h2.w2.i1.o1.f2x2.s1x1"): Outcome.NOT_APPLICABLE,
    ("subsampling", "b1.h4.w4.i1.o1.f2x2.s1x1"): Outcome.NOT_APPLICABLE,
    ("splitting", "b1.h4.w4.i1.o1.f2x2.s1x1"): Outcome.NOT_APPLICABLE,
    ("parameters", GEOMETRY): Outcome.NOT_APPLICABLE,
    **{(law, EMPTY): Outcome.VACUOUS for law in LAWS if law not in ("impulse", "parameters")},
}


@pytest.mark.parametrize(("law", "geometry"), NOTHING_TO_SAY)
def test_law_without_anything_to_say(law: str, geometry: str) -> None:
    """One step cannot be moved, stride 1 not subsampled, one channel not split, nor no results."""
    assert judged(law, convolution, geometry).outcome is NOTHING_TO_SAY[law, geometry]


def test_misbehaviour_under_a_law_is_reported_with_its_call() -> None:
    """A kernel that fails on a law's own arguments has misbehaved, and they are kept."""

    def refuses_stride_one(x: Any, ftr: Any, strd: Any) -> Any:
        if strd == (1, 1):
            raise ValueError("stride 1 is not implemented")
        return convolution(x, ftr, strd)

    verdict = judged("subsampling", refuses_stride_one)
    assert verdict.outcome is Outcome.MISBEHAVED
    assert verdict.evidence is not None
    assert verdict.evidence.case.geometry.stride_height == 1


@pytest.mark.parametrize("fault", ["wrong", "raises"])
def test_partner_at_fault_is_not_held_against_the_kernel(fault: str) -> None:
    """Where the partner of adjointness is the wrong one, the verdict on the kernel is open."""

    def partner(x: Any, ftr: Any, strd: Any) -> Any:
        if fault == "raises":
            raise ValueError("no")
        return 2 * convolution_transpose(x, ftr, strd)

    verdict = judged("adjointness", convolution, convolution_transpose=partner)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "convolution_transpose" in verdict.reason
    # The kernel is still judged when it is wrong and its partner is not.
    assert judged("adjointness", BREAKS["adjointness"][0]).outcome is Outcome.DISAGREES


def test_laws_are_judged_on_integers_only() -> None:
    """On real numbers rounding would break a law, so another fill is refused."""
    case = Case.parse(f"v1:convolution:float64:uniform:{GEOMETRY}:5")
    with pytest.raises(ValueError, match="fill='uniform': expected 'integers'"):
        judge_law("linearity", convolution, case, partners())


def test_kernel_that_overflows_breaks_the_law_without_a_warning() -> None:
    """Infinities and NaN from a wrong kernel are a disagreement and nothing else."""
    verdict = judged("linearity", lambda x, f, s: convolution(x, f, s) * np.inf)
    assert verdict.outcome is Outcome.DISAGREES


REPEATABLE: dict[str, Kernel] = {
    # More precision than float64 is rounded off before results are compared.
    "longdouble": lambda x, f, s: (
        convolution(x, f, s).astype(np.longdouble) * (1 + np.longdouble(2) ** -60)
    ),
    # That a call depends on its arguments alone is asked of any kernel, be it right or not.
    "no linear map": lambda x, f, s: convolution(np.abs(x), f, s) + 1,
}


def test_layouts_are_asked_of_whole_vectors_of_channels() -> None:
    """A kernel that loads vectors as if they were aligned is right where channels fill none."""
    wrong = SUBTLE["aligned_vectors_of_the_filter_of_convolution"].make()
    case = Case.parse("v1:convolution:float32:integers:b1.h3.w3.i1.o1.f2x2.s1x1:5")
    kernel = Function(wrong, OPERATIONS["convolution"])
    found = [judge_law("memory layout", kernel, replace(case, seed=n), {}) for n in range(9)]
    failed = [each for each in found if each.failed]
    assert failed
    for each in failed:
        assert each.evidence is not None
        assert each.evidence.case.geometry.channels_out % 4 == 0
        assert "offset:ftr" in each.evidence.arrangement


@pytest.mark.parametrize("law", ["repeatability", "memory layout"])
@pytest.mark.parametrize("kernel", REPEATABLE.values(), ids=REPEATABLE)
def test_what_is_no_convolution_may_be_repeatable(kernel: Kernel, law: str) -> None:
    """Results repeat, whatever they are and however precise."""
    assert judged(law, kernel).outcome is Outcome.AGREES


def _raises_where(refuses: Callable[[Any, Any, Any], bool]) -> Kernel:
    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if refuses(x, ftr, strd):
            raise ValueError("no")
        return convolution(x, ftr, strd)

    return kernel


REFUSALS: dict[str, tuple[Callable[[Any, Any, Any], bool], str]] = {
    "read-only": (lambda x, *_: not x.flags.writeable, "an argument is read-only"),
    "list": (lambda _, __, strd: type(strd) is list, "strides are a list"),
    "int64": (lambda _, __, strd: type(strd[0]) is not int, "strides are of np.int64"),
    "strided": (lambda x, *_: not x.flags.c_contiguous and x.flags.writeable, ""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_kernel_may_refuse_is_told_and_fails_none(name: str) -> None:
    """Raising on what is read-only, or on other strides than a tuple of int, is no fault."""
    refuses, where = REFUSALS[name]
    kernel, case = _raises_where(refuses), f"v1:convolution:float64:integers:{GEOMETRY}"
    with warnings.catch_warnings(record=True) as told:
        verdicts = [
            judge_law("memory layout", kernel, Case.parse(f"{case}:{n}"), {}) for n in range(9)
        ]
    assert any(verdict.failed for verdict in verdicts) is not bool(where)
    texts = {str(each.message).partition(": ")[2] for each in told}
    assert texts == ({f"raises where {where}, which is no fault"} if where else set())


PROMISED: dict[str, Callable[[Any, Any], bool]] = {
    "byte order": lambda x, ftr: not (x.dtype.isnative and ftr.dtype.isnative),
    "mixed dtypes": lambda x, ftr: x.dtype != ftr.dtype,
}


@pytest.mark.parametrize("name", PROMISED)
def test_foreign_arrays_are_asked_of_those_who_promise_to_take_them(name: str) -> None:
    """A kernel that misreads them fails if it has promised, and else is never handed such."""

    def misreads(x: Any, ftr: Any, strd: Any) -> Any:
        return convolution(x, ftr, strd) + PROMISED[name](x, ftr)

    case = Case.parse(f"v1:convolution:float32:integers:{GEOMETRY}:5")
    outcomes = [
        judge_law("memory layout", Function(kernel, OPERATIONS["convolution"], promise), case, {})
        for kernel in (misreads, convolution)
        for promise in (Promise(arrays=(name,)), DIRECT)
    ]
    assert [each.failed for each in outcomes] == [True, False, False, False]
    assert "Here " in outcomes[0].reason


def _after(other: str) -> Kernel:
    """Return a kernel that is wrong in the call after one with such an attribute of x."""
    last: list[Any] = []

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        now = {
            "dtype": x.dtype,
            "rows": x.shape[1],
            "strides": strd,
            "NaN": bool(np.isnan(x).any()),
        }
        before, last[:] = last[:], [now]
        changed = {name for name in now if before and before[0][name] != now[name]}
        return convolution(x, ftr, strd) + (changed == {other})

    return kernel


@pytest.mark.parametrize("other", ["dtype", "rows", "strides", "NaN"])
def test_other_calls_come_between(other: str) -> None:
    """A kernel that is wrong after a call of another kind is not repeatable, and both are told."""
    cases = (Case.parse(f"v1:convolution:float64:integers:{GEOMETRY}:{n}") for n in range(99))
    kernel = _after(other)
    verdict = next(
        v for case in cases if (v := judge_law("repeatability", kernel, case, {})).failed
    )
    assert verdict.evidence is not None
    assert verdict.evidence.before is not None
