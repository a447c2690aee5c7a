"""Reading and writing reports: whole or not at all."""

import errno
import json
import os
import re
import tempfile
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from convcheck.kernels.shown.text import one_line

from . import consistency
from .document import FORMAT, KINDS, VERSION, Campaign, Circumstances, Findings, Report, plain
from .status import ReportError

D = TypeVar("D", Report, Campaign, Report | Campaign)


def assemble(findings: Findings, circumstances: Circumstances) -> Report:
    """Return the whole report, as it is written to JSON."""
    return Report(FORMAT, VERSION, findings, circumstances)


def read(path: Path) -> Report:
    """Return the report in a JSON file; ReportError as for `read_any`."""
    report = read_any(path, FORMAT)
    if not isinstance(report, Report):
        raise TypeError(f"expected a report, got {type(report).__name__}")
    return report


def read_any(path: Path, *formats: str) -> Report | Campaign:
    """Return the document in a JSON file that has one of `formats`.

    Raises:
        ReportError: there is none, or it is of another version, or not as the schema says.
    """
    try:
        report = json.loads(path.read_bytes(), parse_constant=_no_number, parse_float=_finite)
    except OSError as error:
        raise _refused(path, why(error)) from None
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"expected a JSON report: {why(error)}") from None
    if not isinstance(report, dict) or report.get("format") not in formats:
        raise _refused(
            path, f"expected a JSON report, with format {' or '.join(map(repr, formats))}"
        )
    kind, versions = KINDS[report["format"]]
    if report.get("version") not in versions:
        found, read = report.get("version"), " and ".join(map(str, versions))
        raise _refused(path, f"version {found!r} of the format, this convcheck reads {read}")
    try:
        document = checked(report, kind)
        if isinstance(document, Report):
            consistency.require_consistent(document.findings)
        else:
            consistency.require_consistent_campaign(document)
    except ReportError as error:
        raise _refused(path, str(error)) from None
    return document


def checked(document: Any, kind: type[D]) -> D:
    """Return what a document in JSON's types holds; ReportError where it is not of that kind."""
    try:
        return msgspec.convert(document, kind)
    except UnicodeEncodeError:
        raise ReportError("report: expected names of Unicode characters") from None
    except msgspec.ValidationError as error:
        problem, _, place = _REGEX.sub(_listed, str(error)).partition(" - at ")
        where = place.strip("`").replace("`", "").replace("$", "report", 1) or "report"
        raise ReportError(f"{where}: {problem[:1].lower()}{problem[1:]}") from None


# What `failures.one_of` looks like in a message.
_REGEX = re.compile(r"`str` matching regex '\^\(\?:(.*)\)\(\?!.*'")


def _listed(words: re.Match[str]) -> str:
    return f"one of {', '.join(words[1].split('|'))}"


def why(error: Exception) -> str:
    """Return one line about an error."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(f"{type(error).__name__}: {error}")


def _refused(path: Path, reason: str) -> ReportError:
    return ReportError(f"{one_line(str(path))}: {one_line(reason)}")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def write_json(report: Report | Campaign, path: Path) -> None:
    """Write `report` to `path`; OSError, and an older file untouched, if that fails."""
    write_text(f"{text_of(report)}\n", path)


def text_of(document: Any) -> str:
    """Return a document, or a part of one, as JSON in lines: one for each cell."""
    return _lines(plain(document), 3)


def _lines(value: Any, levels: int) -> str:
    """Return a value as JSON, broken into lines down to so many levels."""
    if not (levels and value and isinstance(value, (dict, list))):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, list):
        return "[\n" + ",\n".join(_lines(each, levels - 1) for each in value) + "\n]"
    lines = [f"{json.dumps(key)}: {_lines(each, levels - 1)}" for key, each in value.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def place_of(path: Path) -> Path:
    """Return where a file is to be written: through a symlink, its target is replaced.

    Raises:
        OSError: nothing can be written there.
    """
    path = Path(os.path.realpath(path))
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "expected a regular file", str(path))
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path


def write_text(text: str, path: Path) -> None:
    """Replace the file at `path` in one step; a process killed meanwhile leaves the old one.

    Lone surrogates, which file names may hold and UTF-8 may not, are written as escapes.

    Raises:
        OSError: it cannot be written, or is something else than a file, which is left alone.
    """
    path = place_of(path)
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
