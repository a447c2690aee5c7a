"""Modules of what a Jupyter notebook defines: of its code nothing else is run.

A notebook is plain JSON, of which two fields of each cell are read: no package is needed for that.
Run are imports, functions, classes and names for constants, in the order of the cells; what the
author tried out in between is not.  An import that fails is left out, as that of a helper that
stands beside the notebook on a course's machine: what needs it says so when it is called.
"""

import ast
import json
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

SUFFIX = ".ipynb"
_MAGIC = re.compile(r"^[ \t]*[%!?].*$", re.MULTILINE)
_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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
        for node in _definitions(text):
            code = compile(ast.Module([node], []), name, "exec")
            try:
                exec(code, vars(module))  # noqa: S102  (what it defines is what is judged)
            except (ImportError, NameError):
                if isinstance(node, _DEFINITIONS):
                    raise
    return module


def _cells(path: Path) -> Iterator[str]:
    """Yield the text of each cell of code, its magic lines blank."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        sheets = [read, *read.get("worksheets", [])]  # as older formats have them
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        texts = [_text(cell) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, AttributeError, TypeError):
        raise ValueError("expected a Jupyter notebook, in JSON") from None
    return (_MAGIC.sub("", text) for text in texts)


def _text(cell: Any) -> str:
    return "".join(cell.get("source", cell.get("input", "")))


def _definitions(text: str) -> Iterator[ast.stmt]:
    """Yield what a cell defines; nothing where it is no Python."""
    try:
        nodes = ast.parse(text).body
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        tried = node.body if isinstance(node, ast.Try) else [node]
        if all(isinstance(each, (*_IMPORTS, *_DEFINITIONS)) for each in tried) or _is_name(node):
            yield node


def _is_name(node: ast.stmt) -> bool:
    """Return whether a statement gives a name to a constant, a name or an attribute."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    while isinstance(value, ast.Attribute):
        value = value.value
    if isinstance(value, ast.Name | ast.Lambda):
        return True
    try:
        return value is not None and bool([ast.literal_eval(value)])
    except (ValueError, TypeError):
        return False
