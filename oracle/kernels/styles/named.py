"""What a module has to be judged, told by a process of its own: importing it may do anything."""

import json
import sys

from convcheck.kernels.loading import (
    CandidateError,
    find,
    import_module,
    imported_from,
    kernels_in,
    look_in,
)

from .found import lines_in, narrower


def found_in(module: str) -> dict[str, list[str]]:
    """Return lines that name a module's kernels, by their operations' names, and its layers.

    Raises:
        CandidateError: there is nothing of either.
    """
    found, kernels, problem = import_module(module), [], ""
    try:
        kernels = [f"{name}={module}:{name}" for name in kernels_in(found, module)]
    except CandidateError as error:
        problem = str(error)
    layers = [*lines_in(found, module, lambda each: imported_from(found, each) is None)]
    if not kernels and not layers:
        text = f"{problem}; or a layer, such as conv_forward with conv_backward, or a class Conv2D"
        text += "; any other is told of by build(filters, bias, stride, padding), forward(layer, x)"
        raise CandidateError(f"{text} and backward(layer, dz) beside it")
    return {"kernels": kernels, "layers": layers}


def declared_for(module: str, function: str, style: str, operation: str) -> dict[str, list[str]]:
    """Return what a layer that is named has to declare besides, as KEY=VALUE.

    Raises:
        CandidateError: there is none of that name.
    """
    more = narrower(style, find(module, function), operation)
    return {"declared": [f"{key}={value}" for key, value in more.items()]}


if __name__ == "__main__":
    module, names, path = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
    look_in(path)
    try:
        answer = declared_for(module, *names) if names else found_in(module)
    except CandidateError as error:
        answer = {"error": [str(error)]}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
