"""Candidates: how they are named, what they declare, and what becomes of their results."""

import datetime as dt
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hostile import returns
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytest_runs import Folder

from convcheck.cases.case import Case, agreement_fills
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.arguments.arrangements import (
    CONTIGUOUS,
    IN_MEMORY,
    KINDS,
    PAIRS,
    TYPES,
    laid_out,
)
from convcheck.kernels.declared import line, literals
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.line import KEYS
from convcheck.kernels.declared.required import FILTERS, TENSORS
from convcheck.kernels.functions import Fitted, load
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.subjects import Call
from convcheck.reference import convolution

CASE = Case.parse("v1:convolution:float32:uniform:b2.h6.w7.i3.o2.f3x2.s1x2:1")
CONV2D = (
    "convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch,"
    "names=strd:stride"
)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fitted]:
    """Return a function that makes what stands in a user's module a candidate."""
    module: Any = ModuleType("users_kernels")
    monkeypatch.setitem(sys.modules, "users_kernels", module)

    def declare(mine: Any, declared: str = "", operation: str = "convolution") -> Fitted:
        module.mine = mine
        return load(f"{operation}=users_kernels:mine{declared and ','}{declared}")

    return declare


Declare = Callable[..., Fitted]
LINES = (
    "convolution=a.b:c",
    CONV2D,
    "conv_back_prop=/a b/c,d.py:e.f,filters=HWIO,names=x:input+strd:strd",
    "convolution=a:b=c/d.py:e,constants=padding:VALID+groups:1",
    "convolution=a:b,constants=dimension_numbers:('NHWC','IHWO','NHWC')+alpha:1.5,sums=float32",
    """convolution=a[,'b.py:c,constants=a:{'x,+': [1, (2, "it's")]}+b:'SAME+,'+c:d=e""",
    "convolution=a:b,arrays=my.library,device=/GPU:0,shapes=7",
    "convolution=a:b,dtypes=float32+float64,declines=memory_layout+nonfinite_others",
    "convolution=a:b,sums=float32,accuracy=normwise:64.5",
    "convolution=a:b,accuracy=normwise,subnormals=flushed",
    "convolution=a:b,sums=float32,promises=nonfinite_others+ieee_zeros",
    "convolution=a:b,promises=ieee_zeros+byte_order+mixed_dtypes",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_and_written(line: str) -> None:
    """A candidate is read from its line, and gives the same line again."""
    candidate = Candidate.parse(line)
    assert str(candidate) == line
    assert candidate.function in ("b", "c", "conv2d", "e", "e.f")


_VALUES = st.recursive(
    st.text(max_size=5)
    | st.text("'\"()[]{},+:=\\\\ \\n1a", max_size=5)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


@settings(deadline=None, derandomize=True, database=None, max_examples=500)
@given(st.dictionaries(st.sampled_from("abc"), _VALUES, min_size=1), st.text(max_size=4))
def test_any_constants_can_be_written(constants: dict[str, Any], path: str) -> None:
    """Whatever texts, numbers, lists and tables are passed, their line gives the same ones."""
    assume(all(_depth(value) <= 4 for value in constants.values()))
    assume(":" not in path)
    texts = {name: literals.written(value) for name, value in constants.items()}
    one = Candidate("convolution", f"{path}a", "b", constants=tuple(texts.items()))
    other = Candidate.parse(f"{one},sums=float32")
    assert other == replace(one, promise=Promise("float32"))
    found = {name: literals.value(text) for name, text in other.constants}
    assert repr(found) == repr(constants)


def test_what_no_text_stands_for() -> None:
    """Values that a line cannot hold are refused by name."""
    for value in (float("nan"), float("inf"), [[[[[1]]]]], dt.date(2000, 1, 1)):
        with pytest.raises(ValueError, match="expected texts, finite numbers, lists and tables"):
            literals.written(value)


BAD = {
    "convolution": "expected the form",
    "convolution=a": "expected the form",
    "a:b": "expected the form",
    "conv=a:b": "operation='conv': expected one of convolution, ",
    "convolution=a:b,tensors=X": "tensors='X': expected one of NHWC, NCHW",
    "convolution=a:b,tensors=NCHW,tensors=NHWC": "'tensors=NHWC': expected tensors once",
    "convolution=a:b,colour=red": "'colour=red': expected one of tensors=, ",
    "convolution=a:b,names=y:input": "names='y': expected one of x, ftr, strd",
    "convolution=a:b,names=x:3": "argument '3': expected the name of an argument",
    "convolution=a:b,constants=n:(1,2": "expected the form",
    "convolution=a:b,constants=n:'SAME": "expected the form",
    "convolution=a:b,constants=n:f(1)": "constants=n:'f(1)': expected a literal of Python, or",
    "convolution=a:b,constants=n:(1,2]": "constants=n:'(1,2]': expected a literal of Python, or",
    "convolution=a:b,dtypes=int8": "dtypes='int8': expected one of float16, ",
    "convolution=a:b,dtypes=float32+float32": "dtypes='float32': expected it once",
    "convolution=a:b,names=x:a+x:b": "names='x': expected it once",
    "convolution=a:b,tensors=nchw": "NCHW; did you mean NCHW?",
    "convolution=a:b,dtypes=flaot32": "float64; did you mean float32?",
    "convolution=a:b,dtypes=": "dtypes='': expected one of float16, ",
    "convolution=a:b,declines=exact": "declines='exact': expected one of memory_layout, ",
    "convolution=a:b,sums=float8": "sums='float8': expected one of float16, ",
    "convolution=a:b,accuracy=fine": "accuracy='fine': expected one of direct, normwise",
    "convolution=a:b,accuracy=normwise:x": "accuracy:'x': expected a positive number",
    "convolution=a:b,promises=all": "promises='all': expected one of nonfinite_others, ieee_zeros",
    "convolution=a:b,promises=ieee_zero": "; did you mean ieee_zeros?",
    "convolution=a:b,sums=float_32": "did you mean float32?",
    "convolution=a:b,declines=memory-layout": "; did you mean memory_layout?",
    "convolution=a:b,only=filter_heigth==3": "; did you mean filter_height?",
    "convolution=a:b,accuracy=direct:3": "constant=3.0: expected a positive number, of normwise",
    "convolution=a:b,accuracy=normwise:-1": "constant=-1.0: expected a positive number",
    "convolution=a:b,subnormals=lost": "subnormals='lost': expected one of kept, flushed",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_lines(line: str) -> None:
    """A line that names no candidate is refused in one line, with value and expectation."""
    with pytest.raises(CandidateError, match=re.escape(BAD[line])) as caught:
        Candidate.parse(line)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_called(user: Declare, folder: Folder) -> None:
    """Modules, names and functions that will not do are refused in one line."""
    where = folder(raising="raise RuntimeError('one\\ntwo')", ending="raise SystemExit(0)")
    for place, message in {
        "no.such.module:f": "module 'no.such.module': ModuleNotFoundError: No module named 'no'",
        f"{where}/none.py:f": "there is no such file",
        f"{where}/raising.py:f": "RuntimeError: one two",
        f"{where}/ending.py:f": "SystemExit: 0",
        "users_kernels:none": "module 'users_kernels' has no 'none'",
    }.items():
        with pytest.raises(CandidateError, match=re.escape(message)) as caught:
            load(f"convolution={place}")
        assert "\n" not in str(caught.value)
    with pytest.raises(CandidateError, match="users_kernels:mine=3: expected a function"):
        user(3)
    expected = r"cannot be called with the 3 arguments of convolution \(x, ftr, strd\)"
    with pytest.raises(CandidateError, match=expected):
        user(lambda x, ftr: (x, ftr))


UP = CONV2D.replace("convolution", "convolution_transpose").replace("conv2d", "conv_transpose2d")
JAX = (
    "convolution=jax.lax:conv,tensors=NCHW,filters=OIHW,arrays=jax,constants=padding:VALID,"
    "dtypes=float32,subnormals=flushed"
)


@pytest.mark.parametrize("line", [CONV2D, UP.replace("OIHW", "IOHW"), JAX])
def test_functions_of_libraries_agree(line: str) -> None:
    """Torch's and JAX's own functions are judged in one line, and agree."""
    if "jax" in line:
        pytest.importorskip("jax", reason="JAX is not installed")
    kernel = load(line)
    name = kernel.candidate.operation
    for dtype in kernel.candidate.dtypes or ("float32", "float64"):
        cases = [
            Case(name, CASE.geometry, dtype, fill, 1) for fill in agreement_fills(OPERATIONS[name])
        ]
        # Where subnormal numbers are flushed, zeros are as right as products that are so small.
        tiny = Outcome.UNDECIDED if kernel.promise.flushes(dtype) else Outcome.AGREES
        expected = {each.fill: tiny if each.fill == "tiny" else Outcome.AGREES for each in cases}
        assert {each.case.fill: each.outcome for each in judge_all(kernel, cases)} == expected


def test_results_of_any_floating_dtype(user: Declare) -> None:
    """Results may be of any real floating dtype, in an array or a tensor, with gradients too."""
    import torch  # noqa: PLC0415  (a second to import)

    case = Case("convolution", CASE.geometry, "float16", "small", 1)
    wide = [replace(case, dtype="float32", fill=fill) for fill in ("integers", "uniform")]
    for form, cases in (
        (lambda z: z.astype(np.longdouble), [case, *wide]),
        (lambda z: z.astype(np.float16), [case]),
        (lambda z: torch.from_numpy(z).to(torch.bfloat16), [case]),
        (lambda z: torch.from_numpy(z).requires_grad_(), [case, *wide]),
    ):
        kernel = returns(form)
        for each in (user(kernel), kernel):
            assert {verdict.outcome for verdict in judge_all(each, cases)} == {Outcome.AGREES}
    assert judge(user(returns(lambda z: z.tolist())), case).outcome is Outcome.MISBEHAVED


def test_overwritten_tensors_are_seen(user: Declare) -> None:
    """A function that overwrites a tensor made for it has overwritten its argument."""

    def overwriting(x: Any, ftr: Any, strd: Any) -> Any:
        import torch  # noqa: PLC0415

        z = torch.nn.functional.conv2d(x, ftr, stride=strd)
        ftr.zero_()
        return z

    kernel = user(overwriting, "tensors=NCHW,filters=OIHW,arrays=torch")
    operation = OPERATIONS["convolution"]
    shape = operation.shape(CASE.geometry, operation.result)
    with pytest.raises(MisbehaviourError, match="overwrote its argument ftr"):
        kernel.call(Call(CASE.geometry, CASE.arrays(), shape))


@pytest.mark.parametrize(
    "arrangement", ["copy", *(kind for family in IN_MEMORY.values() for kind in family)]
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_arguments_lie_in_memory_as_declared(user: Declare, name: str, arrangement: str) -> None:
    """In any layout arrays are C-contiguous, or arranged as they would be in the notebook's."""
    operation = OPERATIONS[name]
    fore = "+convolution.k2.f2x1.s1x1" if operation.default_fore else ""
    case = Case.parse(f"v1:{name}:float64:integers:b2.h5.w4.i3.o2.f2x3.s2x1{fore}:1")
    calls: list[Any] = []

    def kernel(*arguments: Any, **_: Any) -> Any:
        calls.append([each for each in arguments if isinstance(each, np.ndarray)])
        return np.zeros(())

    arrays = {key: np.asfortranarray(array) for key, array in case.arrays().items()}
    for tensors, filters in product(TENSORS, FILTERS):
        fitted = user(kernel, f"tensors={tensors},filters={filters}", name)
        fitted.call_all([Call(case.geometry, arrays, None, arrangement)])
        for handed in calls:
            for (argument, array), own in zip(arrays.items(), handed, strict=True):
                is_filter = argument in ("ftr", "fltrs", "fore_w")
                axes = FILTERS[filters] if is_filter else TENSORS[tensors]
                twin = laid_out(array.transpose(axes), arrangement)
                assert own.strides == twin.strides, (tensors, filters, argument)
                assert np.array_equal(own, twin)
                assert own.flags.c_contiguous or arrangement != "copy"
        calls.clear()


@pytest.mark.parametrize("layouts", ["tensors=NCHW", "filters=HWIO", "filters=IHWO"])
def test_what_a_kernel_does_to_arguments_of_its_layout_is_seen(user: Declare, layouts: str) -> None:
    """Overwriting, and returning a view, are seen through any layout, as in the notebook's."""
    case = Case.parse("v1:convolution:float64:integers:b2.h3.w3.i2.o2.f1x1.s1x1:1")
    arrays = case.arrays()

    def overwriting(x: Any, ftr: Any, _strd: Any) -> Any:
        (ftr if layouts.startswith("filters") else x)[...] = 3
        return np.zeros(1)

    kernel = user(overwriting, layouts)
    with pytest.raises(MisbehaviourError, match="overwrote its argument"):
        kernel.call(Call(case.geometry, arrays, None))
    kernel(arrays["x"], arrays["ftr"], (1, 1))
    assert 3 in (arrays["x"].mean(), arrays["ftr"].mean())
    for at in (0, 1):
        kernel = user(lambda *given, at=at: given[at], layouts)
        with pytest.raises(MisbehaviourError, match="returned a view of its argument"):
            kernel.call(Call(case.geometry, case.arrays(), None))


@pytest.mark.parametrize("kind", sorted({*KINDS} - {*CONTIGUOUS, *PAIRS, *TYPES}))
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 1, 1), (2, 1, 1, 3)])
def test_what_lies_dense_has_the_strides_of_that(kind: str, shape: tuple[int, ...]) -> None:
    """No axis of one element has a negative stride, or a gap, where all the rest is dense.

    `np.ascontiguousarray` would leave it, and torch refuse it.
    """
    array = laid_out(np.ones(shape), kind)
    if array.flags.c_contiguous:
        assert array.strides == np.ones(shape).strides


def test_a_candidate_that_promises_nothing_of_its_own() -> None:
    """It promises the very thing that is asked for, so that it is told what it might declare."""
    assert (
        Candidate.parse("convolution=a:b,dtypes=float32,declines=memory_layout").promise is DIRECT
    )


def test_promises_reach_the_judge(user: Declare) -> None:
    """What a candidate declares is what it is judged by, under its operation's name."""
    kernel = user(convolution, "sums=float32,accuracy=normwise")
    assert (kernel.name, kernel.promise) == ("convolution", Promise("float32", "normwise"))
    case = Case("convolution", CASE.geometry, "float64", "integers", 1)
    assert judge(kernel, case).case.fill == "small"


def test_a_kernel_that_raises_on_an_empty_batch_does_not_offer_it() -> None:
    """That is counted as not offered, also under a law; another exception is a misbehaviour."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if not x.size or x.shape[1] == 3:
            raise ValueError("nothing to do")
        return convolution(x, ftr, strd)

    partners = {"convolution": convolution}
    for height, batch, outcome in (
        (2, 0, Outcome.NOT_OFFERED),
        (2, 1, Outcome.AGREES),
        (3, 1, Outcome.MISBEHAVED),
    ):
        case = f"v1:convolution:float64:integers:b{batch}.h{height}.w1.i1.o1.f1x1.s1x1:0"
        verdict = judge(kernel, Case.parse(case))
        law = judge_law("repeatability", kernel, Case.parse(case), partners)
        assert (verdict.outcome, law.outcome) == (outcome, outcome)
        if batch == 0:
            assert verdict.reason == "on an empty batch it raised ValueError: nothing to do"


BACK_PROP = """
from convcheck.reference.repaired import conv_back_prop as named
tacit = max
def lacking(*given): return named(*given)
def anything(*given, **others): return named(*given, **others)
"""


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("function", ["named", "anything", "lacking", "tacit"])
def test_a_kernel_is_passed_the_keywords_that_it_takes(
    kernel_of: Callable[..., Any], tmp_path: Path, function: str, *, isolated: bool
) -> None:
    """Where a case needs another, it is not offered; built-in functions tell of none."""
    (tmp_path / "back.py").write_text(BACK_PROP, encoding="utf-8")
    kernel = kernel_of(f"conv_back_prop={tmp_path}/back.py:{function}", isolated=isolated)
    fore = "+convolution_transpose.k1.f1x1.s1x1"
    text = f"v1:conv_back_prop:float64:uniform:b1.h3.w3.i1.o1.f2x2.s1x1{fore}:1"
    verdict = judge(kernel, Case.parse(text))
    if function in ("named", "anything"):
        assert verdict.outcome is Outcome.AGREES
    else:
        assert verdict.outcome is Outcome.NOT_OFFERED
        assert verdict.reason == "it takes no fore_layer: layer l+1 is always the default"


def test_every_key_is_explained() -> None:
    """The docstring of the module, which tests/README.md repeats, has every key."""
    doc = line.__doc__ or ""
    assert [key for key in KEYS if f"\n    {key}=" not in doc] == []
