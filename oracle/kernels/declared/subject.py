"""A kernel of which a candidate declares how it is called, and what it takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convcheck.cases.case import Case
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.form.operations import operation_named
from convcheck.kernels.loading import is_packaged
from convcheck.kernels.styles import notebooks
from convcheck.kernels.subjects import Subject

from .candidates import Candidate

FEW = 150
"""pairs of a shape and a dtype"""


class Declared(Subject):
    """A kernel of which a candidate declares how it is called, and what it takes."""

    def __init__(self, candidate: Candidate) -> None:
        """Take over what the candidate says of itself."""
        name, module = candidate.operation, candidate.module
        found = {"module": module, "place": candidate.place, "line": str(candidate)}
        super().__init__(operation_named(name), name, candidate.promise, **found)
        self.candidate, self.dtypes = candidate, candidate.dtypes
        # Whether it takes `fore_layer` is known once it is loaded.
        self.takes = frozenset(candidate.takes)
        self.taken = candidate.taken
        self.dense, self.partial = candidate.memory == "C", candidate.partial == "yes"
        if candidate.shapes != "all":
            self.shapes = FEW if candidate.shapes == "few" else int(candidate.shapes)
        absent = {**PARAMETERS, "bias": None, "fore_layer": self.operation.default_fore}
        self.absent = {name: absent[name] for name in candidate.takes}

    def beside(self, geometry: Geometry) -> Mapping[str, Any]:
        """Return what a layer is made with, which a bias's gradient does not tell."""
        if not (self.candidate.style and self.operation.degree == 1):
            return {}
        shapes = operation_named(self.operation.layer).array_shapes(geometry)
        return {"strd": geometry.strides, **{f"{of}_shape": each for of, each in shapes.items()}}

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        refused = super().refuses(case, prop)
        if refused:
            return refused
        if self.candidate.is_program and prop == "memory layout":
            return "a program is sent its arrays, and has no part in how they lie in memory"
        return f"it declines {prop}" if prop in self.candidate.declines else None

    def declaring(self, candidate: Candidate) -> "Declared":
        """Return the same kernel, as another candidate declares it; CandidateError if it cannot."""
        raise NotImplementedError

    def axes_in_memory(self, name: str) -> tuple[int, ...] | None:
        """Return the order of axes in which an argument is to lie in memory, if it is its own."""
        axes = self.candidate.axes(name)
        # Others than NumPy are handed copies, which lie as their library has it.
        plain = axes == tuple(range(len(axes)))
        return None if plain or self.candidate.arrays != "numpy" else axes

    def import_line(self) -> str:
        """Return a line of Python that has it as its operation's name.

        It needs the user's module alone where the kernel is called as it is.
        """
        module, function, name = self.module, self.candidate.function, self.name
        alone = self.candidate.plain and not is_packaged(module)
        if not alone or module.endswith(notebooks.SUFFIX):
            return f"from convcheck.kernels.functions import load; {name} = load({self.line!r})"
        if module.endswith(".py"):
            first, *rest = function.split(".")
            found = ".".join([f"runpy.run_path({module!r})[{first!r}]", *rest])
            folder = str(Path(module).parent)
            if folder == ".":
                return f"import runpy; {name} = {found}"
            return f"import runpy, sys; sys.path.insert(0, {folder!r}); {name} = {found}"
        if "." in function:
            return f"import {module} as kernels; {name} = kernels.{function}"
        return f"from {module} import {function}" + (f" as {name}" if function != name else "")
