"""What is wrong, as the terminal tells it: each operation's most telling failure once, in full.

The tests' own messages tell no more; pytest prints them where it is asked to, as by --tb=short.
"""

from collections.abc import Iterator
from typing import Any

from . import shown
from .faults import heading, telling
from .problems import Problem

Json = dict[str, Any]
LAYERS = "real layers"
"""the property of which only receptive fields of some results are judged, unless asked for all"""


def lines(findings: Json, problem: Problem) -> Iterator[str]:
    """Yield what is known of a problem beyond its headline."""
    yield from told(problem)
    failures = shown.by(
        sorted(
            (c for c in findings["cells"] if c["operation"] == problem.operation and c["failure"]),
            key=telling,
        ),
        lambda cell: cell["property"],
    )
    for prop, dtypes in problem.failed.items():
        again = f": {_again(failures[prop][0]['failure'])}" if prop in failures else ""
        yield f"  {'fails  ' if again else 'crashed'}  {prop} ({', '.join(dtypes)}){again}"
    if problem.fine:
        sampled = not findings["asked"].get("whole_layers")
        fine = [
            f"{each} (sampled)" if sampled and each == LAYERS else each for each in problem.fine
        ]
        yield f"  holds    {', '.join(fine)}"
    if problem.so_far:
        yield f"  so far   {', '.join(problem.so_far)}: tests ended at a failure or were left out"


def told(problem: Problem) -> Iterator[str]:
    """Yield a problem's most telling failure: of its diagnosis what the headline does not say."""
    failure = problem.first
    if failure is None:
        return
    diagnosis = failure.get("diagnosis") or {}
    message, alone, snippet = str(failure["message"]).partition("\n  alone\n")
    first, *rest = message.splitlines()
    at = next((n for n, line in enumerate(rest) if line.startswith("  case ")), len(rest))
    yield f"  {first}"
    yield from rest[:at]
    names, patterns = diagnosis.get("names", ()), diagnosis.get("patterns", ())
    yield from (f"  or like  {name['sentence']}" for name in names[1:])
    yield from (f"  pattern  {each}" for each in patterns[heading(failure) :])
    yield from (f"  declare  {each}" for each in diagnosis.get("advice", ()))
    yield from (f"    {line}" for line in diagnosis.get("text", ()))
    yield from rest[at:]
    if alone:
        yield from ("  alone", *snippet.splitlines())


def _again(failure: Json) -> str:
    """Return the case by which a failure is judged again, or else the command."""
    case, rerun = str(failure["case"]), str(failure["rerun"])
    return case if case in rerun else rerun
