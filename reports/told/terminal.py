"""What is wrong, as the terminal tells it: each operation's most telling failure once, in full.

The tests' own messages tell no more; pytest prints them where it is asked to, as by --tb=short.
"""

from collections.abc import Iterator

from convcheck.reports.document import Findings
from convcheck.reports.failures import Failure
from convcheck.reports.rows import Cell, by

from .faults import heading, telling
from .problems import Problem

LAYERS = "real layers"
"""the property of which only receptive fields of some results are judged, unless asked for all"""


def lines(findings: Findings, problem: Problem) -> Iterator[str]:
    """Yield what is known of a problem beyond its headline."""
    if problem.first is not None:
        yield from told(problem.first)
    failures = by(
        sorted(
            (c for c in findings.cells if c.operation == problem.operation and c.failure),
            key=telling,
        ),
        lambda cell: cell.prop,
    )
    for prop, dtypes in problem.failed.items():
        again = f": {_again(failures[prop][0].told)}" if prop in failures else ""
        yield f"  {'fails  ' if again else 'crashed'}  {prop} ({', '.join(dtypes)}){again}"
    if problem.fine:
        sampled = not findings.asked.whole_layers
        fine = [
            f"{each} (sampled)" if sampled and each == LAYERS else each for each in problem.fine
        ]
        yield f"  holds    {', '.join(fine)}"
    if problem.so_far:
        yield f"  so far   {', '.join(problem.so_far)}: tests ended at a failure or were left out"


def told(cell: Cell) -> Iterator[str]:
    """Yield what a failure says, and of its diagnosis what the headline does not say."""
    failure = cell.told
    yield from f"  {cell.operation}, {cell.dtype}: {failure.said}".splitlines()
    yield from failure.seen
    yield from (f"  or like  {name.sentence}" for name in failure.names[1:])
    yield from (f"  pattern  {each.text}" for each in failure.patterns[heading(failure) :])
    yield from (f"  declare  {each}" for each in failure.advice)
    yield from (f"    {line}" for line in (failure.diagnosis.text if failure.diagnosis else ()))
    yield from (*failure.again, *failure.alone)


def _again(failure: Failure) -> str:
    """Return the case by which a failure is judged again, or else the command."""
    return failure.case if failure.case in failure.rerun else failure.rerun
