"""The operations table against PyTorch's shapes, the kernels' signatures and plain loops."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arithmetic import EXACT, after, compute, terms

from convcheck import reference
from convcheck.form.counts import counts
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Arrays, operation_named
from convcheck.reference import gradients, repaired

CONV, TRANSPOSE = "convolution", "convolution_transpose"

LAYERS = {
    "plain": Geometry.of(2, 4, 3, 2, 3, 2, 2, 1, 1),
    "remainder": Geometry.of(1, 7, 6, 3, 2, 2, 3, 3, 2),
    "gaps": Geometry.of(2, 4, 7, 1, 2, 1, 2, 3, 4),
    "one pixel": Geometry.of(1, 1, 1, 2, 2, 1, 1, 2, 1),
    "empty batch": Geometry.of(0, 3, 4, 2, 1, 2, 1, 1, 2),
}
FORES = (Fore(CONV, 2, 1, 2, 2, 1), Fore(TRANSPOSE, 3, 2, 1, 1, 3))


def geometries(name: str) -> list[Geometry]:
    """Return geometries on which the operation has a meaning."""
    operation, found = OPERATIONS[name], []
    for g in LAYERS.values():
        sizes = (g.batch, g.height, g.width, g.channels_in, g.channels_out)
        taps = (g.filter_height, g.filter_width, g.stride_height, g.stride_width)
        for fore in FORES if operation.default_fore else (None,):
            if fore and fore.layer == CONV and g == LAYERS["one pixel"]:
                fore = Fore(CONV, 3, 1, 1, 1, 1)  # noqa: PLW2901  (nothing larger fits)
            found.append(Geometry.of(*sizes, *taps, fore))
    return found


EVERY = [pytest.param(name, g, id=f"{name} {g}") for name in OPERATIONS for g in geometries(name)]


def integers(shape: tuple[int, ...], seed: int) -> Array:
    """Return integers in +-5 as float64."""
    raw = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return raw.reshape(shape).astype(np.int64) % 11 - 5.0


def by_loops(name: str, g: Geometry, arrays: Arrays, shape: tuple[int, ...]) -> Array:
    """Return the operation's result from the formula, by loops over every product."""
    z = np.zeros(shape)
    for index, value in compute(name, arrays, EXACT, geometry=g).items():
        z[index] = value
    return z


@pytest.mark.parametrize(("name", "g"), EVERY)
def test_oracle_is_the_formula(name: str, g: Geometry) -> None:
    """The oracle equals the trilinear form, summed by loops over small integers."""
    shapes = {n: OPERATIONS[name].shape(g, axes) for n, axes in OPERATIONS[name].factors.items()}
    arrays = {n: integers(shape, seed) for seed, (n, shape) in enumerate(shapes.items())}
    z = OPERATIONS[name].oracle(g, arrays)
    assert z.dtype == np.float64
    assert np.array_equal(z, by_loops(name, g, arrays, z.shape))


@pytest.mark.parametrize(("name", "g"), EVERY)
def test_counts(name: str, g: Geometry) -> None:
    """Terms of each result, and of the two sums of a backward kernel, are as counted."""
    operation = OPERATIONS[name]
    arrays = {n: np.ones(operation.shape(g, axes)) for n, axes in operation.factors.items()}
    found = counts(operation, g)
    assert np.array_equal(found.terms, by_loops(name, g, arrays, found.terms.shape))
    if g.fore is None:
        assert (found.inner, found.outer) == (0, 0)
        return
    inner = terms(f"{g.fore.layer}_input_gradient", after(g.fore, arrays["d_act"].shape))
    outer = terms(f"{operation.layer}_filter_gradient", g)
    assert found.inner == max(map(len, inner.values()), default=0)
    assert found.outer == max(map(len, outer.values()), default=0)


def torch_shapes(name: str, g: Geometry) -> dict[str, tuple[int, ...]]:
    """Return shapes of arrays and result, those of outputs as PyTorch makes them, as NHWC."""
    import torch  # noqa: PLC0415  (slow to import)

    def output(layer: str, x: tuple[int, ...], ftr: tuple[int, ...], *strd: int) -> Any:
        apply = getattr(torch.nn.functional, {CONV: "conv2d", TRANSPOSE: "conv_transpose2d"}[layer])
        (b, h, w, i), (_, f_h, f_w, o) = x, ftr
        weight = torch.zeros((o, i, f_h, f_w) if layer == CONV else (i, o, f_h, f_w))
        n, c, rows, columns = apply(torch.zeros(b, i, h, w), weight, stride=strd).shape
        return n, rows, columns, c

    x = (g.batch, g.height, g.width, g.channels_in)
    ftr = (g.channels_in, g.filter_height, g.filter_width, g.channels_out)
    z = output(OPERATIONS[name].layer, x, ftr, g.stride_height, g.stride_width)
    shapes = {"x": x, "ftr": ftr, "fltrs": ftr, "delta": z, "d_act": z}
    if f := g.fore:
        shapes["fore_w"] = (g.channels_out, f.filter_height, f.filter_width, f.channels_out)
        strd = f.stride_height, f.stride_width
        shapes["fore_delta"] = output(f.layer, z, shapes["fore_w"], *strd)
    by_ending = {"input_gradient": x, "filter_gradient": ftr, "back_prop": ftr}
    shapes["result"] = next((by_ending[end] for end in by_ending if name.endswith(end)), z)
    return shapes


@pytest.mark.parametrize(("name", "g"), EVERY)
def test_shapes(name: str, g: Geometry) -> None:
    """Every array and result has the shape that PyTorch gives or takes for it."""
    operation, expected = OPERATIONS[name], torch_shapes(name, g)
    shapes = operation.array_shapes(g)
    assert set(shapes) == {argument for argument in operation.signature if argument in expected}
    assert shapes == {argument: expected[argument] for argument in shapes}
    assert operation.shape(g, operation.result) == expected["result"]


def kernel(name: str) -> Callable[..., Any]:
    """Return the kernel whose arguments users see."""
    found: Callable[..., Any] = getattr(reference, name, None) or getattr(gradients, name)
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_signature(name: str) -> None:
    """Positional arguments are those of the reference kernels, in the same order."""
    assert OPERATIONS[name].signature == tuple(inspect.signature(kernel(name)).parameters)


@pytest.mark.parametrize("name", [n for n in OPERATIONS if OPERATIONS[n].default_fore])
def test_repaired_signature(name: str) -> None:
    """The repaired kernels also take `fore_layer`, by keyword, with the default that it has."""
    *rest, last = inspect.signature(getattr(repaired, name)).parameters.values()
    assert OPERATIONS[name].signature == tuple(parameter.name for parameter in rest)
    assert (last.name, last.kind) == ("fore_layer", inspect.Parameter.KEYWORD_ONLY)
    assert last.default == OPERATIONS[name].default_fore == OPERATIONS[name].layer


@pytest.mark.parametrize(("name", "g"), EVERY)
def test_arguments(name: str, g: Geometry) -> None:
    """Arguments come in the signature's order, sizes and strides included."""
    operation = OPERATIONS[name]
    arrays = {n: np.zeros(shape) for n, shape in operation.array_shapes(g).items()}
    positional, keywords = operation.arguments(g, arrays)
    found = dict(zip(operation.signature, positional, strict=True))
    for argument, value in found.items():
        if argument in arrays:
            assert value is arrays[argument]
    assert found["strd"] == (g.stride_height, g.stride_width)
    for argument in ("x", "ftr"):
        if f"{argument}_shape" in found:
            assert found[f"{argument}_shape"] == torch_shapes(name, g)[argument]
    if g.fore is not None:
        assert found["fore_strd"] == (g.fore.stride_height, g.fore.stride_width)
        assert keywords.get("fore_layer", operation.default_fore) == g.fore.layer
        assert set(keywords) <= {"fore_layer"}
    else:
        assert not keywords


@pytest.mark.parametrize("name", OPERATIONS)
def test_layer_after(name: str) -> None:
    """A layer l+1 is demanded of backward kernels and refused by the others."""
    operation = OPERATIONS[name]
    fore = None if operation.default_fore else FORES[0]
    wrong = Geometry.of(1, 4, 4, 1, 1, 2, 2, 1, 1, fore)
    expected = "a" if operation.default_fore else "no"
    with pytest.raises(ValueError, match=f"{name} expected {expected} layer l\\+1$"):
        operation.check(wrong)


FITS = {
    "filter_height=5": Geometry.of(1, 4, 4, 1, 1, 5, 1, 1, 1),
    "filter_width=5": Geometry.of(1, 4, 4, 1, 1, 1, 5, 1, 1),
    "fore filter_height=3": Geometry.of(1, 2, 4, 1, 1, 1, 1, 1, 1, Fore(CONV, 1, 3, 1, 1, 1)),
    "fore filter_width=3": Geometry.of(1, 4, 2, 1, 1, 1, 1, 1, 1, Fore(CONV, 1, 1, 3, 1, 1)),
}


@pytest.mark.parametrize("wrong", FITS)
def test_filter_that_does_not_fit(wrong: str) -> None:
    """A filter larger than what it slides over is refused by the operations that slide it."""
    g = FITS[wrong]
    for operation in OPERATIONS.values():
        if (g.fore is None) is not (operation.default_fore is None):
            continue
        if g.fore is None and operation.layer == TRANSPOSE:
            operation.check(g)
        else:
            with pytest.raises(ValueError, match=f"^{wrong}: expected at most the extent "):
                operation.check(g)


def test_layer_after_slides_over_a() -> None:
    """The filter of a convolution l+1 must fit what layer l returns, be that more or less."""
    smaller = Geometry.of(1, 4, 4, 1, 1, 3, 3, 1, 1, Fore(CONV, 1, 3, 1, 1, 1))
    with pytest.raises(ValueError, match=r"^fore filter_height=3: expected at most the extent 2"):
        OPERATIONS["conv_back_prop"].check(smaller)
    larger = Geometry.of(1, 4, 4, 1, 1, 3, 3, 1, 1, Fore(CONV, 1, 6, 6, 1, 1))
    OPERATIONS["conv_transpose_back_prop"].check(larger)


def test_transposed_layer_after_spreads() -> None:
    """A transposed layer l+1 takes a filter of any size, and so does a transposed layer l."""
    fore = Fore(TRANSPOSE, 1, 9, 9, 1, 1)
    OPERATIONS["conv_back_prop"].check(Geometry.of(1, 2, 2, 1, 1, 1, 1, 1, 1, fore))
    OPERATIONS["conv_transpose_back_prop"].check(Geometry.of(1, 2, 2, 1, 1, 9, 9, 1, 1, fore))


def test_names() -> None:
    """There are eight operations, found by name; another name is refused, all eight named."""
    assert len(OPERATIONS) == 8
    for name, operation in OPERATIONS.items():
        assert operation_named(name) is operation
        assert repr(operation) == f"OPERATIONS['{name}']"
        assert operation.degree == len(operation.factors) == (4 if "back" in name else 2)
        assert operation.data in operation.factors
    with pytest.raises(
        ValueError, match=r"^operation='conv': expected one of convolution,"
    ) as error:
        operation_named("conv")
    assert all(name in str(error.value) for name in OPERATIONS)
