"""Layers of files: benchdnn's rules, ONNX's nodes, and that wrong files are told of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_runs import run
from zoo import STYLES, kernels

from convcheck.cases.case import Case
from convcheck.conformance.foreign import ForeignError, told
from convcheck.conformance.foreign.benchdnn import problems
from convcheck.conformance.foreign.layers import layers_in
from convcheck.conformance.plan.layers import own_layers
from convcheck.conformance.references import HOMES, reference_for
from convcheck.conformance.shapes.networks import Layer, evened
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import subject_of

PROBLEMS = {
    # Rows stand for columns; the batch is 2; output follows from padding.
    "ic3ih8oc4kh3": "b2.h8.w8.i3.o4.f3x3.s1x1",
    'g2mb50_ic4ih5iw9_oc6kh3kw1_sh2sw1ph1pw0_dh0dw0n"a name"': (
        "b50.h5.w9.i4.o6.f3x1.s2x1.p1x0.g2"
    ),
    # Half of the padding that an output needs is before, and what is left behind.
    "mb1ic3ih224oc64oh112kh7sh2ph3": "b1.h224.w224.i3.o64.f7x7.s2x2.p3-2x3-2",
    "mb1ic3ih6oc2oh6kh4": "b1.h6.w6.i3.o2.f4x4.s1x1.p1-2x1-2",
    # Columns alone are a layer of height 1; dilation counts what is between taps.
    "mb1ic2iw20oc3kw3dw1pw2": "b1.h1.w20.i2.o3.f1x3.s1x1.p0x2.d1x2",
    # What no window reaches is cut off, where else there would be more of them.
    "mb1ic1ih9oc1oh3kh2sh2ph0": "b1.h6.w6.i1.o1.f2x2.s2x2",
    "mb1ic1ih7oc1oh3kh2sh2ph0": "b1.h7.w7.i1.o1.f2x2.s2x2",
    "--deconv mb1ic4ih5oc6kh3sh2ph1": "b1.h5.w5.i4.o6.f3x3.s2x2.p1x1",
    "--deconv mb1ic4ih5oc6oh10kh3sh2ph1": "b1.h5.w5.i4.o6.f3x3.s2x2.p1-0x1-0",
    "--deconv mb1ic4ih5oc6oh12kh3sh2ph0": "b1.h5.w5.i4.o6.f3x3.s2x2.q1x1",
    "--deconv --mb=7 g2mb1ic4iw5oc6ow9kw3sw2": "b7.h1.w5.i4.o6.f1x3.s1x2.p0x1.g2",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_problems(text: str) -> None:
    """A problem of benchdnn's is the layer that its rules make of it."""
    (layer,) = problems(text, "list")
    assert isinstance(layer, Layer)
    assert str(layer.geometry) == PROBLEMS[text]
    transposed = "--deconv" in text
    assert layer.operation == ("convolution_transpose" if transposed else "convolution")


def test_lines() -> None:
    """Comments, options and empty lines are no layers; names may hold what comments begin with."""
    text = """# of ic1ih1oc1kh1
    --reset --dir=FWD_B  # of a run
    mb1ic2ih3oc1kh1n"one # and 1" # a comment
    ic2ih3oc1kh1
    ic2id3oc1kd1n"deep"
    """
    one, other, deep = problems(text, "list")
    assert isinstance(one, Layer)
    assert isinstance(other, Layer)
    assert (one.name, other.name) == ("one # and 1", "line 4")
    assert deep == "deep has three spatial axes"


@pytest.mark.parametrize(
    "line",
    [
        *("hello", "ic1ih1oc1kh", "ic1oc1", "ic0ih1oc1kh1", "ih3oc1kh1", "ic1ih2oc1oh9kh1ph0sh0"),
        *("ic1ih2oc1kh3", "ic3ih4oc4kh1g2", "ic1ih4oc1oh1kh1", "--deconv ic1ih4oc1oh99kh1ph0"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str) -> None:
    """A file with a line that is no problem is one error, which names file and line."""
    file = tmp_path / "shapes.txt"
    file.write_text(f"mb1ic1ih1oc1kh1\n{line}\n")
    with pytest.raises(ForeignError, match=r"shapes.txt: line 2") as caught:
        layers_in(str(file))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "# nothing", "ic2id3oc1kd1"])
def test_no_layers(tmp_path: Path, text: str) -> None:
    """Nor is a file without a layer one to judge by; nor one that is not there, or no model."""
    file = tmp_path / "shapes.txt"
    file.write_text(text)
    with pytest.raises(ForeignError, match="expected at least one layer"):
        layers_in(str(file))
    with pytest.raises(ForeignError, match="No such file"):
        layers_in(str(tmp_path / "none.txt"))
    model = tmp_path / "no.onnx"
    model.write_text("hello")
    with pytest.raises(ForeignError, match="no ONNX model"):
        layers_in(str(model))


def model(path: Path, *nodes: Any, x: tuple[Any, ...], **weights: tuple[int, ...]) -> str:
    """Write a model without weights; return its path."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [make.make_tensor_value_info(name, kind, shape) for name, shape in weights.items()]
    inputs.append(make.make_tensor_value_info("x", kind, x))
    output = make.make_tensor_value_info(nodes[-1].output[0], kind, None)
    onnx.save(make.make_model(make.make_graph(nodes, "g", inputs, [output])), str(path))
    return str(path)


NODES: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "b1.h5.w6.i2.o4.f3x2.s1x1": ("Conv", (1, 2, 5, 6), (4, 2, 3, 2), {}),
    "b1.h5.w6.i2.o4.f3x2.s2x1.p1-0x2-3.d1x2.g2": (
        *("Conv", (1, 2, 5, 6), (4, 1, 3, 2)),
        {"strides": [2, 1], "pads": [1, 2, 0, 3], "dilations": [1, 2], "group": 2},
    ),
    "b3.h5.w6.i2.o4.f3x2.s2x2.p1x0": (
        *("Conv", (3, 2, 5, 6), (4, 2, 3, 2)),
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ),
    "b1.h6.w5.i1.o1.f3x4.s2x1.p1-0x2-1": (
        *("Conv", (1, 1, 6, 5), (1, 1, 3, 4)),
        {"strides": [2, 1], "auto_pad": "SAME_LOWER"},
    ),
    "b1.h1.w9.i2.o3.f1x3.s1x2.p0-0x1-0": (
        *("Conv", (1, 2, 9), (3, 2, 3)),
        {"strides": [2], "pads": [1, 0]},
    ),
    "b1.h3.w4.i4.o6.f3x2.s2x3.p1-0x0-1.d1x2.g2.q1x0": (
        *("ConvTranspose", (1, 4, 3, 4), (4, 3, 3, 2)),
        {"strides": [2, 3], "pads": [1, 0, 0, 1], "dilations": [1, 2], "group": 2}
        | {"output_padding": [1, 0]},
    ),
    "b1.h3.w3.i1.o2.f3x3.s3x2.q1x1": (
        *("ConvTranspose", (1, 1, 3, 3), (1, 2, 3, 3)),
        {"strides": [3, 2], "output_shape": [10, 8]},
    ),
    "b1.h3.w3.i1.o2.f3x3.s2x2.p1-0x1-0": (
        *("ConvTranspose", (1, 1, 3, 3), (1, 2, 3, 3)),
        {"strides": [2, 2], "output_shape": [6, 6]},  # the odd row is cut off first
    ),
    "b1.h3.w3.i1.o2.f3x3.s2x2.p0-1x0-1": (
        *("ConvTranspose", (1, 1, 3, 3), (1, 2, 3, 3)),
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ),
}


@pytest.mark.parametrize("text", NODES)
def test_nodes(tmp_path: Path, text: str) -> None:
    """A node is the layer that ONNX's attributes make of it; its shapes are those of a model."""
    kind, x, weights, given = NODES[text]
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node(kind, ["x", "w"], ["z"], name="one", **given)
    (layer,), left_out = layers_in(model(tmp_path / "m.onnx", node, x=x, w=weights))
    assert not left_out
    assert layer.geometry == Geometry.parse(text)
    assert layer.operation == ("convolution" if kind == "Conv" else "convolution_transpose")
    inferred = onnx.shape_inference.infer_shapes(onnx.load(str(tmp_path / "m.onnx")))
    shape = [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim]
    extents = OPERATIONS[layer.operation].output_extents(layer.geometry)
    assert tuple(shape[2:]) == extents[-len(shape[2:]) :]


def test_models(tmp_path: Path) -> None:
    """Shapes are inferred through a model; what has none, or three axes, is left out and told."""
    make = pytest.importorskip("onnx").helper.make_node
    nodes = [
        make("Conv", ["x", "w", "b"], ["a"], name="first", pads=[1, 1, 1, 1]),
        make("Relu", ["a"], ["r"]),
        make("Conv", ["r", "w2"], ["c"], name="second"),
        make("Conv", ["r", "w2"], ["e"], name="again"),
        make("Conv", ["y", "w3"], ["d"], name="deep"),
    ]
    weights = {"w": (4, 3, 3, 3), "b": (4,), "w2": (5, 4, 1, 1), "w3": (1, 1, 1, 1, 1)}
    file = model(tmp_path / "m.onnx", *nodes, x=("N", 3, 8, 7), **weights, y=(1, 1, 2, 2, 2))
    layers, left_out = layers_in(file)
    assert [str(each) for each in layers] == ["m first", "m second"]
    assert [str(each.geometry) for each in layers] == [
        "b1.h8.w7.i3.o4.f3x3.s1x1.p1x1.bias",
        "b1.h8.w7.i4.o5.f1x1.s1x1",
    ]
    assert layers[1].times == 2
    line = told((each.operation for each in layers), left_out, "layer")
    assert line == "2 layers of convolution; left out: deep has 3 spatial axes"


OWN = {
    "b9.h30.w31.i4.o6.f3x3.s2x1.p1-0x2-2.d1x2.g2.bias": "convolution",
    "b2.h9.w9.i8.o8.f3x3.s1x1.p1x1.g8": "convolution",
    "b2.h20.w21.i4.o6.f3x2.s2x3.p1-0x0-1.g2.q1x0.bias": "convolution_transpose",
}
LAYERS = [Layer("own", text, name, Geometry.parse(text)) for text, name in OWN.items()]


@pytest.mark.parametrize("name", [name for name in HOMES if OPERATIONS[name].trilinear])
def test_right_kernels_conform(name: str) -> None:
    """The reference agrees on layers with all parameters, and gradients on theirs."""
    steps = [*own_layers(OPERATIONS[name], "thorough", LAYERS)]
    assert len({step.name for step in steps}) == len(steps) > 0
    kernel = reference_for(name)
    for step in (each for each in steps if each.dtype in kernel.asked):
        for judged in step.judge(kernel):
            assert not any(each.failed for each in judged.verdicts)
            assert any(each.outcome is Outcome.AGREES for each in judged.verdicts) or (
                step.dtype == "float16"
            )


def test_a_layer_that_decides_nothing_is_no_failure(tmp_path: Path) -> None:
    """All windows of one lie in padding, where results are zero; another is judged beside it."""
    problems = "mb1ic1ih1oc1oh2kh1sh2ph1\nmb1ic1ih3oc1oh3kh3ph1\n"
    (tmp_path / "own.txt").write_text(problems, encoding="utf-8")
    kernel = "convolution=convcheck.reference.parameters:convolution,takes=padding"
    module = "convcheck.conformance.test_real_layers"
    words = ("--kernel", kernel, "--layers", "own.txt", "--pyargs", module, "-k", "own_line")
    done = run(tmp_path, *words, "--hypothesis-profile", "quick")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_wrong_kernels_fail() -> None:
    """A kernel that pads at the wrong end fails; one that takes no parameter is not offered."""
    right = HOMES["convolution"].convolution

    def exchanged(x: Any, ftr: Any, strd: Any, *, padding: Any, **more: Any) -> Any:
        return right(x, ftr, strd, padding=[pads[::-1] for pads in padding], **more)

    operation = OPERATIONS["convolution"]
    (first, *_) = own_layers(operation, "quick", LAYERS)
    subject = subject_of(exchanged, operation)
    subject.takes |= {"padding", "dilation", "groups", "bias"}
    found = [each for judged in first.judge(subject) for each in judged.verdicts]
    assert any(each.outcome is Outcome.DISAGREES for each in found)
    plain = kernels(STYLES["matrix product"])["convolution"]
    subject = subject_of(plain, operation)
    found = [each for judged in first.judge(subject) for each in judged.verdicts]
    assert {each.outcome for each in found} == {Outcome.NOT_OFFERED}


@pytest.mark.parametrize(
    ("name", "text", "even"),
    [
        ("convolution", "b1.h8.w8.i1.o1.f3x3.s2x2.p1-0x1-0", ".p1x1"),
        ("convolution", "b1.h8.w8.i1.o1.f3x3.s1x1.p1-0x1-0", ".p1-0x1-0"),
        ("convolution_transpose", "b1.h8.w8.i1.o1.f3x3.s2x2.p1-0x1-0", ".p1x1.q1x1"),
        ("convolution_transpose", "b1.h8.w8.i1.o1.f3x3.s1x1.p1-0x1-0", ".p1-0x1-0"),
    ],
)
def test_the_same_layer_with_symmetric_padding(name: str, text: str, even: str) -> None:
    """Where it computes the same, a kernel that takes symmetric padding alone is judged with it."""
    operation, geometry = OPERATIONS[name], Geometry.parse(text)
    other = evened(operation.layer, geometry)
    assert str(other).endswith(even)
    arrays = Case(name, geometry, "float64", "integers", 1).arrays()
    assert np.array_equal(operation.oracle(geometry, arrays), operation.oracle(other, arrays))
