"""Layers as people hand them in: right ones agree, and of wrong ones it is told what is wrong."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from convcheck.cases.case import Case, agreement_fills
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Fitted
from convcheck.kernels.shown.code import snippet
from convcheck.kernels.styles.named import found_in

STUDENTS = Path(__file__).parents[1] / "students"
_ALL = "input_gradient filter_gradient bias_gradient"

# What the layer is taken for, and which operations are wrong: all where the backward pass raises.
FOUND: Mapping[str, tuple[str, str]] = {
    "cs231n_loops": ("conv_forward_naive,style=cs231n", ""),
    "cs231n_im2col": ("conv_forward_im2col,style=cs231n", ""),
    "cs231n_asserts": ("conv_forward_naive,style=cs231n", ""),
    "cs231n_empty": ("conv_forward_naive,style=cs231n", "input_gradient"),
    "cs231n_stride": ("conv_forward_naive,style=cs231n", "input_gradient"),
    "stride_and_padding": ("conv_forward,style=cs231n", ""),
    "coursera_loops": ("conv_forward,style=coursera", ""),
    "coursera_empty": ("conv_forward,style=coursera", _ALL),
    "coursera_stride": ("conv_forward,style=coursera", "input_gradient filter_gradient"),
    "scratch_class": ("Convolution,style=layer", ""),
    "sized_class": ("Conv2D,style=layer,only=filter_height == filter_width", ""),
    "column_class": ("Conv2D,style=layer,only=filter_height == filter_width", ""),
    "inner_layer": ("Conv2d,style=layer,only=filter_height == filter_width", ""),
    "static_pair": ("Conv,style=cs231n,arrays=torch", ""),
    "no_cache": ("conv_forward,style=cs231n", ""),
    "context_apart": ("Conv2dFn,style=module,takes=padding+bias", ""),
    "own_module": ("MyConv2d,style=module,takes=padding+bias", ""),
    "own_function": ("Conv2dFunction,style=module,takes=padding+bias", _ALL),
}

# Without a remainder, which some refuse; filters are as high as wide.
GEOMETRIES = (
    "b1.h1.w1.i1.o1.f1x1.s1x1",
    "b2.h4.w5.i2.o3.f2x2.s1x1",
    "b2.h5.w7.i3.o2.f3x3.s2x2",
    "b1.h4.w3.i2.o2.f3x3.s1x1.p1x1.bias",
    "b2.h6.w4.i1.o3.f2x2.s2x2.p1x1",
    "b2.h3.w5.i2.o3.f1x1.s2x2.bias",
)
REMAINDERS = ("b2.h5.w6.i2.o3.f2x2.s3x3", "b1.h6.w7.i2.o2.f3x3.s2x2.p1x1")
REFUSING = ("cs231n_asserts", "cs231n_im2col")

Student = Callable[[str], str]


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Student:
    """Return a function that puts a student's file into a folder, and returns its name there."""
    monkeypatch.chdir(tmp_path)

    def put(name: str) -> str:
        shutil.copyfile(STUDENTS / f"{name}.txt", f"{name}.py")
        return f"{name}.py"

    return put


def verdicts(kernel: Candidate, geometries: tuple[str, ...]) -> Iterator[Verdict]:
    """Yield verdicts on a kernel, on numbers of all usual kinds."""
    operation = OPERATIONS[kernel.operation]
    subject = Fitted(kernel)
    bias = "bias" in operation.parameters
    for text in geometries:
        geometry = text if bias else text.removesuffix(".bias")
        whole = geometry.partition(".p")[0] if not operation.parameters else geometry
        for dtype in ("float16", "float32", "float64"):
            fills = agreement_fills(operation)
            ids = (f"v1:{operation.name}:{dtype}:{fill}:{whole}:1" for fill in fills)
            yield from judge_all(subject, [*map(Case.parse, ids)])


@pytest.mark.parametrize("name", FOUND)
def test_a_layer_is_found_and_judged(student: Student, name: str) -> None:
    """It is taken for what it is, and exactly the gradients that are wrong fail."""
    path, (found, wrong) = student(name), FOUND[name]
    assert found_in(path) == {"kernels": [], "layers": [f"convolution={path}:{found}"]}
    geometries = GEOMETRIES if name in REFUSING else GEOMETRIES + REMAINDERS
    outcomes: dict[str, set[Outcome]] = {}
    for kernel in Candidate.parse(f"convolution={path}:{found}").of_layer():
        kind = kernel.operation.removeprefix("convolution_")
        outcomes[kind] = {each.outcome for each in verdicts(kernel, geometries)}
    assert [*outcomes] == ["convolution", "input_gradient", "filter_gradient", "bias_gradient"]
    failed = {Outcome.DISAGREES, Outcome.MISBEHAVED}
    assert {kind for kind, seen in outcomes.items() if seen & failed} == {*wrong.split()}
    assert all(Outcome.AGREES in seen for kind, seen in outcomes.items() if kind not in wrong)


DOMAIN = "filter_height==3 and filter_width==3 and stride_height==2 and stride_width==2"
THREE = """
import numpy as np

class Three:
    def __init__(self, filters, bias, stride, padding):
        assert filters.shape[2:] == (3, 3) and stride == 2
        self.filters, self.bias = filters, bias

    def forward(self, x):
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        return np.einsum("bihwyx,oiyx->bohw", windows[:, :, ::2, ::2], self.filters)

    def backward(self, dz):
        return None, None, dz.sum((0, 2, 3)).astype(dz.dtype)
"""


def test_the_snippet_makes_the_layer_that_was_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is it where a gradient that is wrong is shown alone."""
    text = THREE.replace("dz.sum((0, 2, 3))", "dz.sum((0, 2, 3))[::-1].copy()")
    (tmp_path / "three.py").write_text(text, encoding="utf-8")
    line = f"convolution={tmp_path / 'three.py'}:Three,style=layer,only={DOMAIN}"
    *_, kernel = Candidate.parse(line).of_layer()
    (wrong, *_) = verdicts(kernel, ("b1.h3.w3.i2.o3.f3x3.s2x2",))
    assert wrong.outcome is Outcome.DISAGREES
    assert wrong.evidence
    lines = snippet(wrong.subject, wrong.evidence)
    exec("\n".join(lines), {})  # noqa: S102  (that it can be run is the point)
    assert float(capsys.readouterr().out) != float(lines[-1].partition("# expected ")[2])


def test_the_biass_gradient_is_asked_of_a_layer_in_the_domain(tmp_path: Path) -> None:
    """The layer is made as the domain says; where it needs padding, it is not asked for at all."""
    (tmp_path / "three.py").write_text(THREE, encoding="utf-8")
    line = f"convolution={tmp_path / 'three.py'}:Three,style=layer,only={DOMAIN}"
    *_, kernel = Candidate.parse(line).of_layer()
    assert kernel.operation == "convolution_bias_gradient"
    found = [*verdicts(kernel, ("b2.h6.w7.i2.o3.f3x3.s2x2",))]
    assert {each.outcome for each in found} == {Outcome.AGREES}
    *_, kernel = Candidate.parse(f"{line} and padding_top==1").of_layer()
    assert kernel.operation == "convolution_filter_gradient"


def changed(path: str, before: str, after: str) -> str:
    """Change one place of a student's file, and return its path."""
    file = Path(path)
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")
    return path


# What is changed in the course's loops; then which gradients are wrong, and what is said of them.
LOOPS = (
    ("db[f] +=", "db[f] =", "bias", "only the last batch item's sum counts"),
    ("dout[n, f])", "dout[n, f]) / N", "bias", "the sum is divided by the number of batch items"),
    ("db[f] +=", "for c in range(C): db[f] +=", "bias", "multiplied by channels in"),
    ("dw[f] +=", "dw[f] =", "filter", "only the last window of the last batch item counts"),
    ("dx, dw, db\n", "dx, dw / N, db\n", "filter", "divided by the number of its items"),
    (
        "dx, dw, db\n",
        "dx, dw.transpose(1, 2, 3, 0).reshape(w.shape), db\n",
        "filter",
        "in the order IHWO are reshaped to OIHW, not transposed",
    ),
    (
        "w0:w0 + WW] +=",
        "w0:w0 + WW] =",
        "input",
        "only the last one counts, and of channels out only the last",
    ),
    ("pad:pad + H, pad:pad + W]", "1:-1, 1:-1]", "input", "padding of 1 is cut off, whatever"),
    ("w[f] *", "w[-1 - f, ::-1] *", "input", "the filter is flipped in its channels in and out"),
    ("+= x_pad[n", "+= x[n", "input filter", "slices of the input without its padding"),
    (
        "dw = np.zeros_like(w)",
        "dw = np.zeros(w.shape, conv_param['type'])",
        "input filter bias",
        "in its backward pass: 'type: expected one of stride, pad",
    ),
    ("dx, dw, db\n", "dw, dx, db\n", "input filter", "those of input, filter and bias, in this"),
    (
        "in range(W_out):\n                    h0",
        "in range(H_out):\n                    h0",
        "input filter",
        "columns of windows only so many count as there are rows",
    ),
)


# What is changed so that a pass raises, and what is said of each operation then.
RAISING = (
    (
        "cs231n_loops",
        "1 + (H + 2 * pad - HH) // stride\n    W_out = 1 + (W + 2 * pad - WW) // stride",
        "1 - (HH - H - 2 * pad) // stride; W_out = 1 - (WW - W - 2 * pad) // stride",
        ["the number of windows is rounded up, and the last", *["in its forward pass"] * 3],
    ),
    (
        "coursera_loops",
        "da_prev_pad if pad == 0 else da_prev_pad[pad:-pad",
        "da_prev_pad[pad:-pad",
        ["", *["cut by p:-p, which raises where"] * 2, "in its backward pass"],
    ),
)


@pytest.mark.parametrize(("name", "before", "after", "said"), RAISING)
def test_a_pass_that_raises_is_told(
    student: Student, name: str, before: str, after: str, said: list[str]
) -> None:
    """It is one fault, though all gradients fail by it: each says in which pass it was."""
    path = changed(student(name), before, after)
    for kernel, words in zip(
        Candidate.parse(found_in(path)["layers"][0]).of_layer(), said, strict=True
    ):
        found = verdicts(kernel, (*GEOMETRIES[1:3], *REMAINDERS))
        failed = [each for each in found if each.failed]
        assert bool(failed) == bool(words)
        for each in (*failed[:1], *failed[-1:]):
            assert words in " ".join([each.reason, *diagnose(each).lines()])


@pytest.mark.parametrize(("before", "after", "wrong", "named"), LOOPS)
def test_what_is_wrong_in_loops_is_named(
    student: Student, before: str, after: str, wrong: str, named: str
) -> None:
    """Each gradient that is wrong fails, and no other; a batch that is empty tells the same."""
    path = changed(student("cs231n_loops"), before, after)
    said: dict[str, list[str]] = {}
    for kernel in Candidate.parse(f"convolution={path}:conv_forward_naive,style=cs231n").of_layer():
        found = verdicts(kernel, ("b0.h3.w3.i2.o2.f2x2.s2x2", *GEOMETRIES[1:3], *REMAINDERS))
        failed = [each for each in found if each.failed]
        if failed:
            told = [(each.reason, *diagnose(each).lines()) for each in (failed[0], failed[-1])]
            said[kernel.operation] = [" ".join(lines) for lines in told]
    assert [*said] == [f"convolution_{each}_gradient" for each in wrong.split()]
    assert all(named in told for told in [*said.values()][-1]), said


# Right ones, with what they change.
RIGHT = (
    ("cs231n_loops", "out = None", "conv_param = {**conv_param, 'pad': conv_param.get('padding')}"),
    ("cs231n_loops", "+ b[f]", "+ b[f, 0]"),
    ("cs231n_loops", "(dout, cache)", "(dout, cache, *_, verbose=False, **__)"),
    ("coursera_loops", "    return Z, cache", "    return Z + 0 * b, cache"),
    ("coursera_loops", "np.zeros((1, 1, 1, n_C))", "np.zeros_like(b)"),
    ("scratch_class", "        return dx", "        self.W -= 0.1 * self.dW\n        return dx"),
)


@pytest.mark.parametrize(("name", "before", "after"), RIGHT)
def test_a_right_one_is_never_rejected(
    student: Student, name: str, before: str, after: str
) -> None:
    """What is made of its bias is an array, a bias may be a column, and numbers have longer names.

    A layer's weights are its own.
    """
    path = changed(student(name), before, after)
    found = found_in(path)["layers"][0]
    for kernel in Candidate.parse(found).of_layer():
        agree = {each.outcome for each in verdicts(kernel, GEOMETRIES)}
        assert not agree & {Outcome.DISAGREES, Outcome.MISBEHAVED}, kernel.operation
        assert Outcome.AGREES in agree
