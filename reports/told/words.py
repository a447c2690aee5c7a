"""Verdicts in sentences: what a run found, what it rests on, and what is wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from convcheck.judging.verdicts import Outcome
from convcheck.reports.document import BITS, LEFT_OUT, Findings, Parts
from convcheck.reports.rows import CRASHED, NOT_RUN, Cell, Certificate, by
from convcheck.reports.since.compare import KINDS, Change
from convcheck.reports.status import FAILS, INCOMPLETE, SO_FAR, UNDECIDED

from .faults import fault, listed
from .refactor import unlike_in_words

NOTHING_ELSE = "nothing else was judged"
"""of a run of cases that were named"""
_NAMED = 3  # operations in the sentence
_BESIDE = ("nonfinite data", "nonfinite others")


def sentence(findings: Findings) -> str:
    """Return the verdict in a sentence, and in another what it rests on."""
    return " ".join(filter(None, headline(findings)))


def headline(findings: Findings) -> tuple[str, str]:
    """Return the verdict in a sentence, and what it rests on, if not told there."""
    verdict, rest = _headline(findings)
    parts = findings.tests.parts
    return (
        f"{parts_in_words(parts)}: {verdict[0].lower()}{verdict[1:]}" if parts else verdict
    ), rest


def parts_in_words(parts: Parts) -> str:
    """Return which parts of a run these are."""
    return f"Part{'s' * (len(parts.ran) > 1)} {ranges(parts.ran)} of {parts.of}"


def ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers in words, those that follow one another as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def verdict(findings: Findings) -> str:
    """Return the verdict alone where the causes are told apart, or else the headline."""
    if findings.verdict != FAILS:
        return headline(findings)[0]
    parts = findings.tests.parts
    words = findings.verdict
    return f"{parts_in_words(parts)}: {words}" if parts else words.capitalize()


def _headline(findings: Findings) -> tuple[str, str]:
    matrix, count = findings.cells, sum(findings.totals.values())
    judged = f"in {_number(count, 'judged case')}, {findings.decided:,} of them decided"
    idle = sum(cell.status == NOT_RUN for cell in matrix)
    left = [f"{idle:,} of {len(matrix):,} cells not run"] if idle else []
    not_run = "".join(f"; {each}" for each in (*left, *_left_out(findings))) + "."
    if findings.verdict == FAILS:
        failed = sum(bool(cell.failure) for cell in matrix)
        told = (
            f"{failed:,} of {_number(len(matrix), 'cell')} failed" if failed else "No disagreement"
        )
        rest = f"{told} {judged}{not_run}" if count else not_run.removeprefix("; ").capitalize()
        return f"Does not conform: {_blame(findings)}.", rest.strip(".") and rest
    if findings.verdict == INCOMPLETE:
        lost = len(findings.missing) + len(findings.errors)
        text = f"Incomplete: {_number(lost, 'test')} gave no result"
        return f"{text}; no disagreement {judged}{not_run}" if count else f"{text}{not_run}", ""
    if findings.verdict == UNDECIDED:
        text = (
            f"Nothing decided in {_number(count, 'judged case')}" if count else "No kernel judged"
        )
    elif findings.verdict == SO_FAR:
        how = "so far" if findings.tests.parts else "in what was run"
        text = f"Conforms {how}: no disagreement {judged}"
    else:
        text = f"Conforms: no disagreement {judged}"
    return f"{text}{not_run}", ""


def _left_out(findings: Findings) -> Iterator[str]:
    """Yield, in words, what was not judged: of kernels that take less, and of all tests."""
    tests, domains = findings.tests, findings.asked.domains
    refused = findings.totals.get(Outcome.NOT_OFFERED.value, 0)
    if domains and refused:
        yield f"{refused:,} not offered"
    for domain, names in by(domains, lambda name: domains[name]).items():
        whole = len(names) == len(findings.asked.kernels)
        whose = "" if whole else f"{listed(names)} {'is' if len(names) == 1 else 'are'} "
        yield f"{whose}judged for {domain}; nothing is said of others"
    left = sum(outcome == LEFT_OUT for outcome in tests.outcomes.values())
    if left:
        yield f"{left:,} of {_number(len(tests.outcomes), 'test')} left out"
    if not tests.whole:
        yield NOTHING_ELSE if findings.asked.case else "other tests were not collected"


def _blame(findings: Findings) -> str:
    groups = by(findings.cells, lambda cell: cell.operation)
    failed = {name: group for name, group in groups.items() if any(cell.failure for cell in group)}
    parts = [_faults(failed, groups)] if failed else []
    outcomes = Counter(error.outcome for error in findings.errors)
    crashed = outcomes[CRASHED]
    if outcomes[BITS]:
        parts += [unlike_in_words(each) for each in findings.refactor if each.lacks_bits]
    if failed_tests := outcomes.total() - crashed - outcomes[BITS]:
        parts.append(f"{_number(failed_tests, 'test')} failed")
    if crashed:
        lost = [
            name for name, group in groups.items() if any(cell.status == CRASHED for cell in group)
        ]
        parts.append(f"{_number(crashed, 'test')} of {listed(lost) or 'convcheck'} crashed")
    if findings.missing:
        parts.append(f"{_number(len(findings.missing), 'test')} gave no result")
    if findings.unreached:
        parts.append(f"never reached: {'; '.join(findings.unreached)}")
    return "; ".join(parts)


def _faults(failed: Mapping[str, list[Cell]], judged: Mapping[str, list[Cell]]) -> str:
    if len(failed) == 1:
        return fault(*failed.values())
    if len(failed) <= _NAMED:
        return f"{listed(failed)} are wrong"
    run = sum(any(cell.counts for cell in group) for group in judged.values())
    return f"{len(failed):,} of {max(run, len(failed)):,} operations are wrong"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def of_zeros(findings: Findings) -> Iterator[str]:
    """Yield what each kernel that is right on finite numbers makes of zeros beside NaN."""
    for entry in findings.zeros:
        told = [f"spreads NaN of {listed(entry.spreads)}"] if entry.spreads else []
        told += ["leaves out products with zero"] if entry.skips else []
        finite = [
            cell
            for cell in findings.cells
            if cell.operation == entry.operation and cell.prop not in _BESIDE
        ]
        if _right(finite):
            yield f"{entry.operation}: right on finite numbers; {' and '.join(told)}"


def _right(cells: list[Cell]) -> bool:
    """Return whether something was decided in cells, and nothing failed or was lost."""
    whole = not any(cell.failure or cell.lost or cell.stopped for cell in cells)
    return whole and any(cell.counts.get(Outcome.AGREES.value) for cell in cells)


def summary(changes: list[Change]) -> str:
    """Return the changes in one sentence."""
    groups = changes_by_kind(changes)
    worse = [f"{len(each)} {kind}" for kind, each in groups.items() if each[0].worse]
    others = [f"{len(each)} {kind}" for kind, each in groups.items() if not each[0].worse]
    if not changes:
        return "Nothing changed."
    told = f"Worse: {', '.join(worse)}" if worse else "Nothing worse"
    return f"{told}; {', '.join(others)}." if others else f"{told}."


def changes_by_kind(changes: list[Change]) -> dict[str, list[Change]]:
    """Return changes by their kind, the worst first."""
    groups = {kind: [each for each in changes if each.kind == kind] for kind in KINDS}
    return {kind: each for kind, each in groups.items() if each}


def exact(certificate: Certificate) -> str:
    """Return on how many geometries of a region a kernel is exact, and the first part of it."""
    part, _, more = certificate.region.partition("; ")
    whole, agreed = certificate.geometries, certificate.certified
    count = f"all {whole:,}" if certificate.complete else f"{agreed:,} of {whole:,}"
    return f"exact on {count} geometries, {part}{', and more' if more else ''}"


def chances(certificate: Certificate) -> list[str]:
    """Return by dtype what bounds the chance of accepting a wrong kernel, the smallest first."""
    found = sorted(certificate.chance.items(), key=lambda each: each[1])
    return [f"{_above(float(chance))} in {dtype}" for dtype, chance in found]


def _above(chance: float) -> str:
    """Return a number of two digits that is not below `chance`."""
    shown = f"{chance:.1e}"
    return shown if float(shown) >= chance else f"{chance * 1.05:.1e}"
