"""Where a kernel stands: its file, and the line of its `def`; nothing is imported."""

import ast
import re
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path
from shutil import which
from typing import NamedTuple

from convcheck.kernels.declared.line import EXEC
from convcheck.kernels.loading import file_of, is_path
from convcheck.kernels.styles import notebooks

_HOPS = 5
"""modules that hand a kernel on"""


class Place(NamedTuple):
    """A file, and a line in it, from 1; None where it is not known."""

    file: Path
    line: int | None


def place_of(kernel: str, hops: int = _HOPS) -> Place | None:
    """Return where MODULE:FUNCTION was written, or what a program is; None if there is no file.

    Where a module has the function from another, that one is looked into.
    """
    module, _, name = kernel.rpartition(":")
    if kernel.startswith(f"{EXEC}:"):
        program = which(kernel.removeprefix(f"{EXEC}:"))
        return Place(Path(program), None) if program else None
    try:
        file = Path(file_of(module) or "")
        text = file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ImportError, ValueError, AttributeError):
        return None
    if module.endswith(notebooks.SUFFIX):
        return Place(file, _line_in_notebook(text, name.partition(".")[0]))
    found = _found(text, name)
    if isinstance(found, ast.ImportFrom) and hops:
        other = place_of(_handed_on(found, module, file, name), hops - 1)
        if other and other.line:
            return other
    return Place(file, getattr(found, "lineno", None))


def _line_in_notebook(text: str, name: str) -> int | None:
    lines = (
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(rf'^\s*"\s*(?:def|class) {re.escape(name)}\b', line)
    )
    return max(lines, default=None)


def _found(text: str, name: str) -> ast.stmt | None:
    """Return the statement that makes what has a dotted name, the last of several."""
    try:
        node: ast.AST | None = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for part in name.split("."):
        if isinstance(node, ast.ImportFrom):  # the rest stands elsewhere
            break
        inside = [each for each in getattr(node, "body", ()) if part in _names(each)]
        nested = [each for each in ast.walk(node) if part in _names(each)] if node else []
        node = next(reversed(inside or nested), None)
    return node if isinstance(node, ast.stmt) else None


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement gives."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ImportFrom):
        yield from (each.asname or each.name for each in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (each.id for each in targets if isinstance(each, ast.Name))


def _handed_on(found: ast.ImportFrom, module: str, file: Path, name: str) -> str:
    """Return MODULE:FUNCTION of what a statement imports, "" where that cannot be."""
    first, dot, rest = name.partition(".")
    own = next((each.name for each in found.names if (each.asname or each.name) == first), first)
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    if is_path(module) and found.level:
        return ""
    try:
        home = resolve_name(f"{'.' * found.level}{found.module or ''}", package or None)
    except ImportError:
        return ""
    return f"{home}:{own}{dot}{rest}"
