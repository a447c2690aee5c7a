"""Boundary classes: the kinds of geometry where convolution kernels go wrong.

Real ones did: strides that do not divide, strides beyond the filter, 1 x 1 filters.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from convcheck.cases.taken import Taken
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS, Layer
from convcheck.form.operations import Operation

Belongs = Callable[[Operation, Geometry], bool]


def _remainder(operation: Operation, g: Geometry) -> bool:
    """Tell whether a stride leaves rows or columns that no window reaches."""
    spans = [*operation.spans(g)]
    if g.fore is not None:
        back, after = operation.layers(g)[0]
        spans += back.spans(after)
    return any(span.remainder for span in spans)


CLASSES: Mapping[str, Belongs] = {
    "remainder": _remainder,
    "stride beyond the filter": lambda _, g: (
        g.stride_height > g.filter_height or g.stride_width > g.filter_width
    ),
    "stride beyond the input": lambda _, g: g.stride_height > g.height or g.stride_width > g.width,
    "filter as large as the input": lambda _, g: (
        (g.filter_height, g.filter_width) == (g.height, g.width)
    ),
    "1 x 1 filter": lambda _, g: g.filter_height == g.filter_width == 1,
    "1 x 1 input": lambda _, g: g.height == g.width == 1,
    "unequal strides": lambda _, g: g.stride_height != g.stride_width,
    "unequal height and width": lambda _, g: g.height != g.width,
    "one channel": lambda _, g: g.channels_in == g.channels_out == 1,
    "unequal channels": lambda _, g: g.channels_in != g.channels_out,
    "a block of channels": lambda _, g: max(g.channels_in, g.channels_out) >= 7,
    "many channels in": lambda _, g: g.channels_in > 64,
    "many channels out": lambda _, g: g.channels_out > 64,
    "a block of rows or columns": lambda _, g: max(g.height, g.width) >= 31,
    "large on both axes": lambda _, g: min(g.height, g.width) > 32,
    "large filter": lambda _, g: min(g.filter_height, g.filter_width) >= 5,
    "large stride": lambda _, g: min(g.stride_height, g.stride_width) >= 6,
    "deep overlap": lambda _, g: (
        min(
            (g.filter_height - 1) // g.stride_height,
            (g.filter_width - 1) // g.stride_width,
        )
        >= 4
    ),
    "empty batch": lambda _, g: g.batch == 0,
    "several in the batch": lambda _, g: g.batch > 1,
    "many in the batch": lambda _, g: g.batch > 8,
    "filter of one row": lambda _, g: g.filter_height == 1 and g.filter_width >= 7,
    "filter of one column": lambda _, g: g.filter_width == 1 and g.filter_height >= 7,
    "very large filter": lambda _, g: min(g.filter_height, g.filter_width) >= 11,
    "several blocks at once": lambda _, g: (
        g.batch > 3 and min(g.channels_in, g.channels_out) >= 8 and g.filter_height == 3
    ),
    "hundreds of channels in": lambda _, g: g.channels_in > 256,
    "hundreds of channels out": lambda _, g: g.channels_out > 256,
    "hundreds of rows": lambda _, g: g.height > 128,
    "hundreds of columns": lambda _, g: g.width > 128,
    "very many in the batch": lambda _, g: g.batch > 64,
}


# The classes of layer l+1, which two operations have.
_FORE_CLASSES: Mapping[str, Callable[[Fore], bool]] = {
    "layer l+1 with many channels": lambda f: f.channels_out > 8,
    "layer l+1 with a large filter": lambda f: min(f.filter_height, f.filter_width) >= 4,
    "layer l+1 with a large stride": lambda f: min(f.stride_height, f.stride_width) >= 4,
}


def reachable(operation: Operation) -> list[str]:
    """Return the classes that `operation` has at all."""
    if operation.default_fore is not None:
        return [*CLASSES, *_FORE_CLASSES]
    # A transposed convolution uses every input element, whatever the stride.
    nothing_left = not operation.layer.narrows
    return [name for name in CLASSES if not (name == "remainder" and nothing_left)]


def classes_of(operation: Operation, geometry: Geometry) -> list[str]:
    """Return the classes that `geometry` belongs to."""
    found = [name for name, belongs in CLASSES.items() if belongs(operation, geometry)]
    if geometry.fore is not None:
        found += [name for name, belongs in _FORE_CLASSES.items() if belongs(geometry.fore)]
    elif not geometry.is_plain:
        found += [class_with(name) for name in operation.keywords(geometry)]
    return found


def class_with(parameter: str) -> str:
    """Return the class of the geometries that have a parameter."""
    return parameter.replace("_", " ")


# One geometry for each class, so that every run judges them all, whatever Hypothesis draws.
_FIXED = {
    "remainder": "b2.h8.w6.i2.o3.f3x2.s2x3",
    "stride beyond the filter": "b2.h6.w7.i2.o3.f1x2.s3x4",
    "stride beyond the input": "b2.h3.w2.i2.o3.f2x1.s4x3",
    "filter as large as the input": "b2.h3.w4.i2.o3.f3x4.s2x1",
    "1 x 1 filter": "b2.h3.w4.i2.o3.f1x1.s1x2",
    "1 x 1 input": "b2.h1.w1.i3.o2.f1x1.s2x3",
    "unequal strides": "b1.h7.w7.i2.o2.f3x3.s1x3",
    "unequal height and width": "b1.h2.w9.i2.o2.f2x2.s2x2",
    "one channel": "b2.h4.w5.i1.o1.f2x3.s1x1",
    "unequal channels": "b1.h4.w4.i5.o2.f2x2.s1x1",
    "a block of channels": "b1.h2.w3.i17.o9.f2x2.s1x1",
    "many channels in": "b1.h2.w2.i65.o2.f2x1.s1x1",
    "many channels out": "b1.h2.w2.i2.o65.f1x2.s1x1",
    "a block of rows or columns": "b1.h34.w3.i1.o2.f2x2.s1x1",
    "large on both axes": "b1.h34.w33.i2.o1.f2x1.s1x1",
    "large filter": "b1.h9.w11.i1.o2.f7x7.s2x2",
    "large stride": "b1.h9.w8.i2.o1.f2x1.s7x6",
    "deep overlap": "b1.h7.w8.i1.o2.f6x5.s1x1",
    "empty batch": "b0.h5.w4.i2.o3.f2x3.s2x1",
    "several in the batch": "b4.h3.w3.i2.o2.f2x2.s1x1",
    "many in the batch": "b9.h2.w3.i1.o2.f2x2.s1x1",
    "filter of one row": "b2.h2.w9.i2.o1.f1x7.s1x1",
    "filter of one column": "b2.h9.w2.i2.o1.f7x1.s1x1",
    "very large filter": "b1.h12.w13.i1.o1.f11x11.s1x1",
    "several blocks at once": "b4.h3.w3.i8.o8.f3x3.s2x2",
    "hundreds of channels in": "b1.h2.w2.i257.o2.f2x1.s1x1",
    "hundreds of channels out": "b1.h2.w2.i2.o257.f1x2.s1x1",
    "hundreds of rows": "b1.h131.w2.i1.o1.f2x1.s2x1",
    "hundreds of columns": "b1.h2.w131.i1.o1.f1x2.s1x2",
    "very many in the batch": "b65.h2.w2.i1.o1.f2x1.s1x1",
}


def _fore(layer: Layer, rows: int, columns: int) -> Fore:
    """Return a layer l+1 that an output of these extents can have: 2 x 3 taps where they fit."""
    if layer.narrows:
        return Fore(layer, 2, min(2, rows), min(3, columns), 2, 3)
    return Fore(layer, 2, 2, 3, 1, 2)


# A large layer l+1; the stride leaves it two rows and three columns of remainder.
_LARGE = "b1.h10.w12.i1.o2.f1x1.s1x1"
_LARGE_FORES = (Fore("convolution", 9, 4, 5, 4, 4), Fore("convolution_transpose", 9, 5, 4, 4, 5))


def boundary_geometries(operation: Operation, name: str) -> list[Geometry]:
    """Return the fixed geometries of a class: one, or one for each kind of layer l+1."""
    if name in _FORE_CLASSES:
        return [replace(Geometry.parse(_LARGE), fore=fore) for fore in _LARGE_FORES]
    layer = Geometry.parse(_FIXED[name])
    if operation.default_fore is None:
        return [layer]
    outputs = operation.output_extents(layer)
    both = [replace(layer, fore=_fore(kind, *outputs)) for kind in LAYERS]
    # A remainder may be one pairing's alone.
    return [geometry for geometry in both if CLASSES[name](operation, geometry)]


def of_class(operation: Operation, name: str, geometry: Geometry, taken: Taken) -> Geometry | None:
    """Return a class's geometry as a kernel takes it; None if it takes none that is found there."""
    return taken.fit(operation, geometry, lambda g: name in classes_of(operation, g))
