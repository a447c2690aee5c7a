"""Modules of what a Jupyter notebook defines: of its code nothing else is run.

A notebook is plain JSON, of which two fields of each cell are read: no package is needed for that.
Run are imports, functions, classes and constants, also computed ones, in the order of the cells;
what the author tried out in between is not.  What fails is left out, as the import of a helper that
stands beside the notebook on a course's machine, or a plot's decorator: what needs it says so when
it is called.
"""

import ast
import json
import linecache
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

SUFFIX = ".ipynb"
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?\??|[\w, ]+= *[%!].*)$", re.MULTILINE)
_HEADS = re.compile(r"^def +(\w+)", re.MULTILINE)
_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CALLS = (ast.Call, ast.Lambda, ast.comprehension, ast.Await, ast.Yield, ast.YieldFrom)


def module_of(path: Path) -> ModuleType:
    """Return the module of what a notebook defines.

    Raises:
        ValueError: the file holds no notebook.
        Exception: whatever a definition raises.
    """
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    for number, text in enumerate(_cells(path), start=1):
        name = f"{path}[{number}]"
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        try:
            nodes = _definitions(text, name)
        except (SyntaxError, ValueError) as error:
            _leave_out(module, _HEADS.findall(text), error)
            continue
        for node in nodes:
            code = compile(ast.Module([node], []), name, "exec")
            try:
                exec(code, vars(module))  # noqa: S102  (what it defines is what is judged)
            except Exception as error:  # noqa: BLE001  (whatever a definition raises)
                _leave_out(module, _names(node), error)
    return module


class _LeftOut:
    """What a cell would have defined had it not failed."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("_") else self._error


def _leave_out(module: ModuleType, names: Iterable[str], error: Exception) -> None:
    """Let whoever uses a name be told why there is nothing, unless an earlier cell has it."""
    for name in names:
        vars(module).setdefault(name, _LeftOut(error))


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield what an import, a function or a class is called."""
    if isinstance(node, _IMPORTS):
        yield from (each.asname or each.name.partition(".")[0] for each in node.names)
    elif isinstance(node, _DEFINITIONS):
        yield node.name


def _cells(path: Path) -> Iterator[str]:
    """Yield the text of each cell of code, its magic lines made to do nothing."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        sheets = [read, *read.get("worksheets", [])]  # as older formats have them
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        texts = [_text(cell) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, AttributeError, TypeError):
        raise ValueError("expected a Jupyter notebook, in JSON") from None
    return (text if _is_python(text) else _MAGIC.sub(r"\1pass", text) for text in texts)


def _is_python(text: str) -> bool:
    """Return whether it is Python as it stands: a line of that may begin with a % of its own."""
    try:
        return bool([ast.parse(text)])
    except (SyntaxError, ValueError):
        return False


def _text(cell: Any) -> str:
    return "".join(cell.get("source", cell.get("input", "")))


def _definitions(text: str, name: str) -> list[ast.stmt]:
    """Return what a cell defines; SyntaxError or ValueError where it is no Python."""
    found = []
    for node in ast.parse(text, name).body:
        tried = node.body if isinstance(node, ast.Try) else [node]
        if all(isinstance(each, (*_IMPORTS, *_DEFINITIONS)) for each in tried) or _is_name(node):
            found.append(node)
    return found


def _is_name(node: ast.stmt) -> bool:
    """Return whether a statement names a constant, or what is made of such without a call."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Lambda):
        return True
    return value is not None and not any(isinstance(each, _CALLS) for each in ast.walk(value))
