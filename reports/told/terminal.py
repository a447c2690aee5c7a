"""What is wrong, as the terminal tells it: each operation's most telling failure once, in full.

The tests' own messages tell no more; pytest prints them where it is asked to, as by --tb=short.
"""

import re
from collections.abc import Iterator

from convcheck.reports.document import Findings
from convcheck.reports.failures import Failure
from convcheck.reports.rows import AGREEING, Cell, by

from . import words
from .faults import heading, listed, telling
from .problems import Problem, problems
from .shown import is_bad

LONGEST = 100
"""characters of the last line"""
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


def proved(findings: Findings) -> Iterator[str]:
    """Yield what was certified of each operation that did not fail, and its largest error."""
    certificates = by(findings.certificates, lambda each: each.operation)
    for name, cells in by(findings.cells, lambda cell: cell.operation).items():
        if any(map(is_bad, cells)):
            continue
        for each in certificates.get(name, ()):
            if each.complete and each.geometries:
                yield f"{name}: {words.exact(each)}"
                chances = ", ".join(words.chances(each))
                yield f"  chance that a wrong one of degree {each.degree} agrees: below {chances}"
        errors = [(float(c.worst), c.dtype) for c in cells if c.worst and c.status in AGREEING]
        if errors:
            worst, dtype = max(errors)
            yield f"{name}: the largest error is {worst:.2g} of its bound, in {dtype}"


def shows_wrong(line: str) -> bool:
    """Return whether a line is that of wrong elements in the grid of got and expected."""
    return re.match(r"    \.*x[x.]*  +\S", line) is not None


def verdict(findings: Findings) -> tuple[list[str], str]:
    """Return the verdict in a line that a terminal has room for, and before it what is left out."""
    text, rest = words.headline(findings)
    if len(text) <= LONGEST:
        return [rest] * bool(rest), text
    known = problems(findings)
    # What a kernel says may have semicolons.
    whole = f"Does not conform: {known[0].fault}" if len(known) == 1 else ""
    start = len(whole) if text.startswith(whole) else 0
    first, _, more = text[start:].removesuffix(".").partition("; ")
    first = text[:start] + first
    wrong = [*by(filter(is_bad, findings.cells), lambda c: c.operation)]
    if not wrong or (len(wrong) == 1 and len(first) < LONGEST):
        rests = [f"{more[0].upper()}{more[1:]}."] if more else []
        return [*rests, *[rest] * bool(rest)], f"{first}."
    told = [f"Does not conform: {each.fault}." for each in known]
    before = [each for each in (text, rest) if each and each not in told]
    if len(known) == 1 and len(short := f"Does not conform: {_shorter(known[0])}.") <= LONGEST:
        return before, short
    are = "is" if len(wrong) == 1 else "are"
    return before, f"Does not conform: {listed(wrong)} {are} wrong."


def _shorter(problem: Problem) -> str:
    """Return a fault without what lines before the last have told: of what, in how many calls."""
    likeness = problem.fault.partition(" behaves exactly like: ")[2]
    for each in problem.first.told.patterns[:1] if problem.first and not likeness else ():
        subject, predicate, _ = problem.fault.partition(each.predicate)
        if predicate:
            place = subject.removeprefix(problem.operation).strip()
            return f"{place}, {each.gist}" if place else each.gist
    return likeness or problem.fault.removeprefix(f"{problem.operation} ")


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
