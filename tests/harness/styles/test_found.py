"""What is found in a file, and judged: layers by their names, classes, modules and notebooks."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pytest_runs import Command

from convcheck.cases.case import Case
from convcheck.conformance import witnesses
from convcheck.conformance.face.given import Given, subject_given
from convcheck.conformance.plugin import known
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Fitted, load
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.loading import CandidateError, import_module
from convcheck.kernels.styles.named import found_in
from convcheck.reference import notebook as own
from convcheck.reference.defects import LEDGER

PAIR = """
def conv_forward_naive(x, w, b, conv_param): return x, None
def conv_backward_naive(dout, cache): return dout, dout, dout
"""
STATIC = """
import torch
class Conv:
    @staticmethod
    def forward(x, w, b, conv_param): return torch.zeros(()), None
    @staticmethod
    def backward(dout, cache): return dout, dout, dout
"""
LAYER = """
import numpy as np
from convcheck.reference import parameters

class Odd:
    def __init__(self, taps, shift, step, margin):
        self.own = taps, shift, (step, step), ((margin, margin),) * 2

    def run(self, x):
        self.x = x
        ftr, bias, strd, padding = self.own
        return parameters.convolution(x, ftr, strd, padding=padding, bias=bias)

def build(filters, bias, stride, padding): return Odd(filters, bias, stride, padding)
def forward(layer, x): return layer.run(x)
def backward(layer, dz):
    (ftr, bias, strd, padding), given = layer.own, {"padding": layer.own[3]}
    dx = parameters.convolution_input_gradient(dz, ftr, strd, layer.x.shape, **given)
    dw = parameters.convolution_filter_gradient(layer.x, dz, strd, ftr.shape, **given)
    return dx, dw, dz.sum((0, 1, 2))
"""
MODULES = """
import torch

class Plain(torch.nn.Conv2d):
    pass

class Up(torch.nn.ConvTranspose2d):
    pass

class Conv2dLine(torch.nn.Conv1d):
    pass
"""
WHOLE = "b2.h5.w4.i4.o6.f3x2.s2x1.p1x2.d1x2.g2.bias"
LINE = "b2.h1.w7.i4.o2.f1x3.s1x2.p0x2.g2"
TRANSPOSED = "b2.h5.w4.i4.o6.f3x2.s2x3.p1x0.d1x2.g2.q1x2.bias"


def outcomes(line: str, geometry: str) -> set[Outcome]:
    """Return what comes of a layer's kernels on a geometry, as each of them takes it."""
    found = set()
    for candidate in Candidate.parse(line).of_layer():
        operation = OPERATIONS[candidate.operation]
        whole = Case.parse(f"v1:{line.partition('=')[0]}:float32:integers:{geometry}:1").geometry
        own = operation.taking(whole)
        case = Case(operation.name, own, "float32", "integers", 1)
        found.add(judge(Fitted(candidate), case).outcome)
    return found


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that writes a file into a folder of its own, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "mine.py") -> str:
        Path(name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (PAIR, ["conv_forward_naive,style=cs231n"]),
        (PAIR.replace("naive", "im2col") + PAIR, ["_naive,style=cs231n", "_im2col,style=cs231n"]),
        (PAIR.replace("_naive", "").replace("conv_p", "hp"), ["conv_forward,style=coursera"]),
        (PAIR.replace("conv_f", "conv_relu_f").replace("conv_b", "conv_relu_b"), []),
        (PAIR.replace("backward", "backwards"), []),
        ("class ConvNet:\n  def forward(self, x): ...\n  def backward(self, d): ...\n", []),
        (LAYER, ["build,style=layer"]),
    ],
)
def test_layers_are_found_by_name(
    file: Callable[..., str], text: str, layers: Sequence[str]
) -> None:
    """Pairs with a backward function, classes and `build` are; blocks and networks are not."""
    if not layers:
        with pytest.raises(CandidateError, match="or a layer, such as conv_forward with conv_back"):
            found_in(file(text))
        return
    found = found_in(file(text))["layers"]
    assert len(found) == len(layers)
    assert all(line.endswith(end) for line, end in zip(found, layers, strict=True))


def test_what_bears_an_operation_s_name_is_judged_first(file: Callable[..., str]) -> None:
    """A file with both is told apart by whoever asks."""
    found = found_in(file(PAIR + "def convolution(x, ftr, strd): ..."))
    assert found["kernels"] == ["convolution=mine.py:convolution"]
    assert len(found["layers"]) == 1


def test_three_lines_make_any_class_a_layer(file: Callable[..., str]) -> None:
    """`build`, `forward` and `backward` are taken where they stand, in the layouts declared."""
    path = file(LAYER)
    line = f"convolution={path}:build,style=layer,tensors=NHWC,filters=IHWO"
    assert outcomes(line, "b2.h5.w4.i2.o3.f3x2.s2x2.p1x1.bias") == {Outcome.AGREES}
    assert outcomes(line, "b2.h5.w4.i2.o3.f3x2.s2x1") == {Outcome.NOT_OFFERED}
    wrong = file(LAYER.replace("return dx, dw", "return dw, dx"), "wrong.py")
    assert Outcome.MISBEHAVED in outcomes(line.replace(path, wrong), "b2.h5.w4.i2.o3.f3x2.s2x2")


def test_the_layouts_of_a_layer_are_advised(file: Callable[..., str]) -> None:
    """Where its arrays lie otherwise than is declared, it is made anew for each way to lie."""
    (kernel, *_) = Candidate.parse(f"convolution={file(LAYER)}:build,style=layer").of_layer()
    case = Case.parse("v1:convolution:float64:integers:b1.h4.w5.i2.o3.f2x3.s1x1:1")
    found = diagnose(judge(Fitted(kernel), case))
    assert found.advice == ("tensors=NHWC,filters=IHWO: handed so, it is right",)


STEPS = """
class Conv2D:
    def __init__(self, filters, bias, stride, padding): self.inner = MyLayer(filters, bias)
    def forward(self, x): return self.inner.run(x)
    def backward(self, dz, learning_rate): return self.inner.back(dz)
"""


def test_a_layer_that_steps_is_told_what_to_write(file: Callable[..., str]) -> None:
    """It is not called wrong for what it is not handed; with `build`, that is what is judged."""
    with pytest.raises(CandidateError, match=r"argument: 'learning_rate'; write backward\(layer, "):
        load(f"convolution={file(STEPS)}:Conv2D,style=layer")
    assert found_in(file(STEPS + LAYER))["layers"] == ["convolution=mine.py:build,style=layer"]


DRAWS = LAYER.replace("self.own", "np.random.rand(); random.random(); self.own", 1).replace(
    "import numpy", "import random\nimport numpy"
)


def test_a_layer_may_draw_its_first_weights(file: Callable[..., str]) -> None:
    """The state of random numbers changes then, once for each layer that is made."""
    line = f"convolution={file(DRAWS)}:build,style=layer,tensors=NHWC,filters=IHWO"
    cases = [
        Case.parse(f"v1:convolution:float32:integers:b1.h3.w4.i1.o1.f2x2.s1x1.bias:{n}")
        for n in range(9)
    ]
    with Isolated(Candidate.parse(line)) as kernel:
        assert {each.outcome for each in judge_all(kernel, cases)} == {Outcome.AGREES}


@pytest.mark.parametrize(
    ("line", "geometry"),
    [
        ("convolution={}:Plain,style=module", WHOLE),
        ("convolution_transpose={}:Up,style=module", TRANSPOSED),
        ("convolution={}:Conv2dLine,style=module,rank=1", LINE),
    ],
)
def test_modules_with_all_parameters(file: Callable[..., str], line: str, geometry: str) -> None:
    """A module takes what torch's own take, transposed and of rank 1, too."""
    assert outcomes(line.format(file(MODULES)), geometry) == {Outcome.AGREES}


UNLIKE = """
import torch

class Conv(torch.nn.Module):
    def __init__(self, cin, cout, k, stride=1):
        super().__init__()
        self.inner = torch.nn.Conv2d(cin, cout, k, stride)

    def forward(self, x):
        return self.inner(x)

class ConvFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, padding):
        ctx.save_for_backward(x, w)
        ctx.padding = padding
        return torch.nn.functional.conv2d(x, w, b, padding=padding)

    @staticmethod
    def backward(ctx, dz):
        x, w = ctx.saved_tensors
        dx = torch.nn.grad.conv2d_input(x.shape, w, dz, padding=ctx.padding)
        dw = torch.nn.grad.conv2d_weight(x, w.shape, dz, padding=ctx.padding)
        return dx, dw, dz.sum((0, 2, 3)), None

def conv_forward(x, w, b, stride): return x, None
def conv_backward(dz, cache): return dz, dz, dz
"""
STEP = "stride_height==1 and stride_width==1"


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("Conv,style=module", "takes=bias"),
        ("ConvFunction,style=module", f"takes=padding+bias,only={STEP}"),
        ("conv_forward,style=cs231n", "takes=bias"),
    ],
)
def test_what_a_layer_does_not_take_is_not_offered(
    file: Callable[..., str], command: Command, line: str, more: str
) -> None:
    """By its parameters, whether it is found or named, in a file or in Python."""
    path = file(UNLIKE)
    whole = f"convolution={path}:{line},{more}"
    assert whole in found_in(path)["layers"]
    for each in Candidate.parse(whole).of_layer():
        assert Candidate.parse(str(each)) == each
    right = "module" in line
    assert (outcomes(whole, "b2.h5.w4.i2.o3.f3x2.s1x1.bias") == {Outcome.AGREES}) == right
    function, _, style = line.partition(",style=")
    made = subject_given(
        getattr(import_module(path), function), OPERATIONS["convolution"], {"style": style}
    )
    assert isinstance(made, Given)
    assert f",{more.partition(',')[0]}" in str(made.candidate)
    case = f"v1:convolution:float32:integers:{WHOLE}:1"
    told = command("check", f"{path}:{line}", "--case", case)
    assert "Nothing decided in" in told.out, told.out


MADE = """
import torch

class Conv(torch.nn.Module):
    def __init__(self, cin, cout{0}):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(cout, cin, {1}, {1}))
        self.bias, self.p = torch.nn.Parameter(torch.zeros(cout)), {2}

    def forward(self, x):
        return torch.nn.functional.conv2d(x, self.weight, self.bias, padding=self.p)
"""
SQUARE = "filter_height == filter_width"
HALF = "padding_top == filter_height // 2{} and padding_left == filter_width // 2{}"
MADE_SO: Sequence[tuple[tuple[str, str, str], str, str]] = (
    (("", "3", "0"), "takes=bias", "filter_height == 3 and filter_width == 3"),
    (
        ("", "3", "1"),
        "takes=padding+bias",
        "filter_height == 3 and filter_width == 3 and padding_top == 1 and padding_left == 1",
    ),
    ((", k", "k", "0"), "takes=bias", SQUARE),
    ((", k", "k[0]", "0"), "takes=bias", SQUARE),
    ((", k=(1, 1)", "k[0]", "0"), "takes=bias", SQUARE),
    ((", k, padding='valid'", "k", "0"), "takes=bias", SQUARE),
    ((", k", "k", "k // 2"), "takes=padding+bias", f"{SQUARE} and {HALF.format('', '')}"),
    (
        (", k", "k", "'same'"),
        "takes=padding+bias",
        f"{SQUARE} and {HALF.format(' and filter_height % 2 == 1', ' and filter_width % 2 == 1')}",
    ),
)


@pytest.mark.parametrize(("made", "takes", "only"), MADE_SO)
def test_what_a_class_is_not_handed_is_seen(
    file: Callable[..., str], made: tuple[str, str, str], takes: str, only: str
) -> None:
    """One filter, square ones, or a padding of its own: it is right there, and not called else.

    A size may have to be a pair, and padding a word.
    """
    path = file(MADE.format(*made))
    line = f"convolution={path}:Conv,style=module,{takes},only={only} and {STEP}"
    assert found_in(path)["layers"] == [line]
    padding = ".p1x1" if "padding" in takes else ""
    found = outcomes(line, f"b2.h5.w6.i2.o3.f3x3.s1x1{padding}.bias")
    # A bias's gradient has no padding, and is judged for filters with which there is none.
    assert found - {Outcome.NOT_OFFERED} == {Outcome.AGREES}
    assert outcomes(line, f"b2.h5.w6.i2.o3.f3x2.s1x1{padding}.bias") == {Outcome.NOT_OFFERED}
    wrong = file(MADE.format(*made).replace("x, self.weight", "x, self.weight.flip(2)"), "wrong.py")
    found = outcomes(line.replace(path, wrong), f"b2.h5.w6.i2.o3.f3x3.s1x1{padding}")
    assert Outcome.DISAGREES in found


def test_what_is_no_layer_of_its_style(file: Callable[..., str]) -> None:
    """It is refused in one line that says what is missing."""
    other = PAIR.replace("def conv", "def same_conv").replace("_naive", "")
    path = file(
        other + PAIR.replace("backward", "back") + "class Conv:\n  def __init__(self, omega): ..."
    )
    for line, problem in {
        "same_conv_forward": "missing a required argument: 'conv_param': style=cs231n?",
        "conv_forward_naive,style=cs231n": "beside conv_forward_naive there is no function",
        "Conv,style=layer": "Conv has a parameter omega, which may be anything: write build(",
        "conv_forward_naive,style=mine": "style='mine': expected one of cs231n, coursera, layer",
        "conv_forward_naive,style=cs231n,names=x:y": "style='cs231n': expected it not beside nam",
    }.items():
        with pytest.raises(CandidateError) as caught:
            load(f"convolution={path}:{line}")
        assert problem in str(caught.value)
        assert "\n" not in str(caught.value)


def notebook(*cells: str) -> str:
    """Return the text of a notebook with these cells of code, and a cell of prose."""
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "source": ["def convolution(): no"]}]
    made += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


CELLS = (
    "%matplotlib inline\nimport no_such_module\nfrom convcheck.reference import notebook as own\n",
    "SCALE = 1\nright = own.convolution\nraise SystemExit(own)",
    "def convolution(x, ftr, strd):\n    return right(x, ftr, strd) * SCALE\n\n!ls",
    "SCALE = open('no such file').read()",
    "this is no Python",
)


def test_what_a_notebook_defines_is_judged(file: Callable[..., str]) -> None:
    """Imports, functions and constants are run; nothing else is, and magic lines are not Python."""
    path = file(notebook(*CELLS), "mine.ipynb")
    assert found_in(path)["kernels"] == ["convolution=mine.ipynb:convolution"]
    kernel = load("convolution=mine.ipynb:convolution")
    case = Case.parse("v1:convolution:float64:integers:b1.h3.w3.i1.o1.f2x2.s1x1:1")
    assert judge(kernel, case).outcome is Outcome.AGREES
    wrong = file(notebook(*CELLS).replace("SCALE = 1", "SCALE = None"), "wrong.ipynb")
    verdict = judge(load(f"convolution={wrong}:convolution"), case)
    assert verdict.evidence is not None
    (where,) = verdict.evidence.details
    assert where.endswith("wrong.ipynb[3]:2 in convolution: return right(x, ftr, strd) * SCALE")


BESIDES = (
    "import numpy as np\nfrom beside_it import own\nfrom no_such_module import jit, plot\nfile?",
    "HALF = 1 / 2\nNAMES = [HALF, np.no_such]\nweights = np.ones(9)\nfiles = !ls",
    "@plot\ndef show(x, w=weights): ...\n\ndef right(z, *, whole=2 * HALF): return z * whole",
    (
        "def convolution(x, ftr, strd):\n    z = own.convolution(x, ftr, strd)\n"
        "    assert z.ndim == 4, ('%d'\n% z.ndim)\n    return right(z)"
    ),
    "@jit\ndef convolution_transpose(x, ftr, strd): return own.convolution_transpose(x, ftr, strd)",
    "def convolution_filter_gradient(x, delta, strd, ftr_shape) return delta",
)


def test_what_fails_in_a_notebook_is_told_where_it_is_needed(file: Callable[..., str]) -> None:
    """Computed constants and modules beside it are there; all else is as good as it can be."""
    Path("beside").mkdir()
    file("from convcheck.reference import notebook as own", "beside/beside_it.py")
    path = file(notebook(*BESIDES), "beside/notes.ipynb")
    kernels = [each.partition("=")[0] for each in found_in(path)["kernels"]]
    assert kernels == ["convolution", "convolution_transpose", "convolution_filter_gradient"]
    geometry = "float64:integers:b1.h3.w3.i1.o1.f2x2.s1x1:1"
    told = {}
    for name in kernels:
        verdict = judge(load(f"{name}={path}:{name}"), Case.parse(f"v1:{name}:{geometry}"))
        told[name] = explain(verdict) if verdict.failed else verdict.outcome.value
    assert told["convolution"] == Outcome.AGREES.value
    assert "No module named 'no_such_module'" in told["convolution_transpose"]
    assert "SyntaxError" in told["convolution_filter_gradient"]


def test_the_original_notebook_gets_the_ledger_s_answer(file: Callable[..., str]) -> None:
    """Its four kernels are told by every entry of the ledger; one that was mended is not."""
    cell = Path(own.__file__).read_text(encoding="utf-8")
    told = known.told_of(file(notebook(cell), "original.ipynb"))
    assert [line.split(" ")[0] for line in told if "the notebook's own" in line] == [
        *witnesses.LITERAL
    ]
    assert {line.strip().partition(":")[0] for line in told} >= {each.id for each in LEDGER}
    mended = cell.replace("filters.shape", "fltrs.shape")
    told = known.told_of(file(notebook(mended), "mended.ipynb"))
    assert not any(line.startswith("conv_back_prop") for line in told)
    assert any(line.startswith("conv_transpose_back_prop") for line in told)
    assert known.told_of("no_such_module") == []


@pytest.mark.parametrize("text", ["", "[]", '{"cells": [1]}', '{"cells": 1}'])
def test_what_is_no_notebook(file: Callable[..., str], text: str) -> None:
    """It is said in one line."""
    with pytest.raises(CandidateError, match=r"x.ipynb': .*"):
        found_in(file(text, "x.ipynb"))


def test_what_a_layer_was_taken_for_is_said(file: Callable[..., str], command: Command) -> None:
    """Both functions, the style, and the operations that it is judged by."""
    case = "v1:convolution_bias_gradient:float16:integers:b1.h1.w1.i1.o1.f1x1.s1x1:1"
    told = command("check", file(PAIR), "--case", case)
    both = "conv_forward_naive and conv_backward_naive"
    line = f"mine.py: {both}, taken as style=cs231n: convolution_bias_gradient"
    assert line in told.out.splitlines()
    assert told.status == 1
    told = command("check", file(STATIC, "static.py"), "--case", case)
    line = "static.py: Conv, taken as style=cs231n,arrays=torch: convolution_bias_gradient"
    assert line in told.out.splitlines()
    case = "v1:convolution:float16:integers:b1.h1.w1.i1.o1.f1x1.s1x1.p1x1:1"
    told = command(
        "check", f"{file(PAIR)}:conv_forward_naive,style=cs231n,only=padding_top==1", "--case", case
    )
    (line,) = (each for each in told.out.splitlines() if "taken as" in each)
    assert line.endswith(
        "; not convolution_bias_gradient, whose cases have no parameters, as only= needs"
    )


BARE = """
import torch
class Conv(torch.nn.Module):
    def __init__(self, cin, cout, k):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(cout, cin, k, k))

    def forward(self, x):
        return torch.nn.functional.conv2d(x, self.weight)
"""


def test_the_domain_that_is_declared_is_within_that_of_the_layer(
    file: Callable[..., str], command: Command
) -> None:
    """A layer without a stride is called with none, whatever else its author declares."""
    line = f"{file(BARE)}:Conv,style=module,takes=,only=filter_height==filter_width"
    for strides, said in (("1x1", "Conforms"), ("2x2", "1: not offered: it is declared for ")):
        case = f"v1:convolution:float32:integers:b1.h5.w5.i1.o2.f2x2.s{strides}:1"
        told = command("check", line, "--case", case)
        assert said in told.out, told.out


def test_a_layer_without_a_bias_is_told_what_to_declare(file: Callable[..., str]) -> None:
    """It does not look as if it ignored one; where it is found, it is not asked for one."""
    assert ",takes=,only=" in found_in(file(BARE))["layers"][0]
    (kernel, *_) = Candidate.parse(f"convolution={file(BARE)}:Conv,style=module").of_layer()
    case = Case.parse("v1:convolution:float32:integers:b1.h5.w5.i1.o2.f2x2.s1x1.bias:1")
    assert "takes= has to leave it out" in judge(Fitted(kernel), case).reason
