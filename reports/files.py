"""Writing reports: whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

FORMAT = "convcheck-report"
VERSION = 1


def assemble(findings: dict[str, Any], circumstances: dict[str, Any]) -> dict[str, Any]:
    """Return the whole report, as it is written to JSON."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "findings": findings,
        "circumstances": circumstances,
    }


def write_json(report: dict[str, Any], path: Path) -> None:
    """Write `report` to `path`; OSError, and an older file untouched, if that fails."""
    write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Replace the file at `path` in one step; a process killed meanwhile leaves the old one.

    Lone surrogates, which file names may hold and UTF-8 may not, are written as escapes.
    """
    path = path.resolve()  # through a symlink, its target is replaced
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
