"""Vectors that others wrote: all of WebNN's layouts, ONNX's nodes, and vectors that are wrong."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zoo import STYLES, kernels

from convcheck.cases.case import Case
from convcheck.conformance.foreign import ForeignError
from convcheck.conformance.foreign.vectors import ONNX, Vector, require_readable, vectors_in
from convcheck.conformance.plan.vectors import ForeignVector, _ordered
from convcheck.conformance.references import reference_for
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of

KINDS = {"convolution": "conv2d", "convolution_transpose": "convTranspose2d"}
FILTERS = {
    "convolution": ("oihw", "hwio", "ohwi", "ihwo"),
    "convolution_transpose": ("iohw", "hwoi", "ohwi"),
}
GEOMETRIES = {
    "convolution": "b2.h5.w6.i4.o6.f3x2.s2x1.p1-0x2-3.d1x2.g2.bias",
    "convolution_transpose": "b2.h3.w4.i4.o6.f3x2.s2x3.p1-0x0-1.d1x2.g2.q1x0.bias",
}


def written(case: Case, inputs: str, filters: str, *, sizes: bool = False) -> dict[str, Any]:
    """Return a case as a test of WebNN's, whose expected result is PyTorch's."""
    g, operation, arrays = case.geometry, OPERATIONS[case.operation], case.arrays()
    result = operation.oracle(g, arrays).astype(case.dtype)
    order = {"nchw": (0, 3, 1, 2), "nhwc": (0, 1, 2, 3)}[inputs]
    shown = {
        "input": arrays["x"].transpose(order),
        "filter": arrays["ftr"].transpose([*map("ihwo".index, filters)]),
        **({"bias": arrays["bias"]} if g.bias else {}),
    }
    options = {
        "padding": [*g.padding[0], *g.padding[1]],
        "strides": [*g.strides],
        "dilations": [*g.dilation],
        "groups": g.groups,
        "inputLayout": inputs,
        "filterLayout": filters,
        **({"bias": "bias"} if g.bias else {}),
    }
    if sizes:
        options["outputSizes"] = [*operation.output_extents(g)]
    elif case.operation == "convolution_transpose":
        options["outputPadding"] = [*g.output_padding]
    arguments = [{"input": "input"}, {"filter": "filter"}, {"options": options}]
    return {
        "name": f"{KINDS[case.operation]} {inputs} {filters}",
        "graph": {
            "inputs": {name: described(array) for name, array in shown.items()},
            "operators": [{"name": KINDS[case.operation], "arguments": arguments, "outputs": "z"}],
            "expectedOutputs": {"z": described(result.transpose(order))},
        },
    }


def described(array: Any) -> dict[str, Any]:
    """Return an array as WebNN's tests have it."""
    descriptor = {"shape": [*array.shape], "dataType": array.dtype.name}
    return {"data": array.ravel().tolist(), "descriptor": descriptor}


def read(path: Path, *tests: Any) -> tuple[Vector, ...]:
    """Return the vectors of these tests, from a file."""
    path.write_text(json.dumps({"tests": tests}))
    return vectors_in(str(path)).vectors


def verdicts(kernel: Any, vector: Vector) -> Iterator[tuple[Verdict, str]]:
    """Yield what comes of judging a kernel on a vector, and what is remarked."""
    step = ForeignVector(OPERATIONS[vector.operation], vector)
    for judged in step.judge(subject_of(kernel, step.operation)):
        (verdict,) = judged.verdicts
        yield verdict, "".join(judged.remarks.values())


def case_of(name: str, dtype: str = "float32") -> Case:
    """Return a case with all parameters."""
    return Case(name, Geometry.parse(GEOMETRIES[name]), dtype, "uniform", seed=3)


@pytest.mark.parametrize("name", KINDS)
def test_layouts_of_webnn(tmp_path: Path, name: str) -> None:
    """Whatever the layouts, the arrays, the geometry and the result are those of the case."""
    case = case_of(name)
    layouts = product(("nchw", "nhwc"), FILTERS[name])
    tests = [written(case, *each, sizes=at % 2 > 0) for at, each in enumerate(layouts)]
    found = read(tmp_path / "v.json", *tests)
    assert len(found) == len(tests)
    for vector in found:
        assert vector.geometry == case.geometry
        assert all(np.array_equal(vector.arrays[key], each) for key, each in case.arrays().items())
        ((verdict, remark),) = verdicts(reference_for(name), vector)
        assert verdict
        assert "the vector is wrong" not in remark  # its own rule knows no cancellation
        assert vector.ulps == 2 * 3 * 2 * (4 // 2)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", KINDS)
def test_wrong_kernels_and_wrong_vectors(tmp_path: Path, name: str, dtype: str) -> None:
    """A wrong kernel fails; a wrong vector is told to be wrong, and fails no right kernel."""
    right = reference_for(name)
    (vector,) = read(tmp_path / "v.json", written(case_of(name, dtype), "nchw", FILTERS[name][0]))

    def wrong(*arguments: Any, **keywords: Any) -> Any:
        z = np.array(right(*arguments, **keywords))
        z[0, -1, 0, 1] *= 1.125
        return z

    subject = subject_of(wrong, OPERATIONS[name])
    subject.takes = subject.takes | {*OPERATIONS[name].parameters}
    ((verdict, remark),) = verdicts(subject, vector)
    assert verdict.outcome is Outcome.DISAGREES
    assert "units in the last place" in remark
    assert "the vector is wrong" not in remark
    vector.expected[0, -1, 0, 1] *= 1.125
    ((verdict, remark),) = verdicts(right, vector)
    assert verdict
    assert "the vector is wrong: it expects" in remark


def test_not_offered(tmp_path: Path) -> None:
    """A kernel that takes no parameters is not judged on a vector that has some."""
    (vector,) = read(tmp_path / "v.json", written(case_of("convolution"), "nchw", "oihw"))
    ((verdict, _),) = verdicts(kernels(STYLES["matrix product"])["convolution"], vector)
    assert verdict.outcome is Outcome.NOT_OFFERED


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tests": []}', '{"tests": [{}]}', "[1"])
def test_files_that_hold_none(tmp_path: Path, text: str) -> None:
    """What is no file of vectors is told of in one line."""
    file = tmp_path / "v.json"
    file.write_text(text)
    with pytest.raises(ForeignError, match=r"v\.json: expected") as caught:
        vectors_in(str(file))
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_left_out(tmp_path: Path) -> None:
    """Other operators, dtypes and results that do not fit are left out, and told."""
    tests = [written(case_of("convolution"), "nchw", "oihw") for _ in range(4)]
    tests[0]["graph"]["operators"][0]["name"] = "gemm"
    tests[1]["graph"]["inputs"]["input"]["descriptor"]["dataType"] = "int8"
    tests[2]["graph"]["operators"][0]["arguments"][2]["options"]["padding"] = [0, 0, 0, 0]
    assert len(read(tmp_path / "v.json", *tests)) == 1
    assert len(vectors_in(str(tmp_path / "v.json")).left_out) == 3


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_units_in_the_last_place(dtype: Any) -> None:
    """Neighbours are one apart, on both sides of zero, which is one number."""
    numbers = [-np.inf, -1.0, -0.0, 0.0, np.finfo(dtype).smallest_subnormal, 1.0]
    array = np.array(numbers, dtype)
    assert (_ordered(np.nextafter(array, dtype(np.inf))) - _ordered(array) == 1).all()
    assert len({*_ordered(np.array([0.0, -0.0], dtype)).tolist()}) == 1


def test_nodes_of_onnx() -> None:
    """All of ONNX's node tests but the one with three axes are read, and none is wrong."""
    pytest.importorskip("onnx")
    require_readable(ONNX)
    vectors, left_out = vectors_in(ONNX)
    assert len(vectors) >= 16
    assert len(left_out) == 1
    for vector in vectors:
        ((verdict, remark),) = verdicts(reference_for(vector.operation), vector)
        assert not verdict.failed
        assert not remark
