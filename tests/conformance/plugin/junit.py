"""What JUnit's XML holds of a conformance test, for programs that read no report of ours."""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from convcheck.reports.document import BITS
from convcheck.reports.rows import Record


def properties(found: Record) -> Iterator[tuple[str, str]]:
    """Yield the verdict of what a test judged; of a failure, the case and how to judge it again."""
    failures = [cell.failure for cell in found.cells if cell.failure]
    unlike = next((each for each in found.refactor if each.unlike), None)
    if failures:
        told = min(failures, key=lambda each: each.simplicity)
        yield from {"verdict": told.outcome, "case": told.case, "rerun": told.rerun}.items()
    elif unlike and unlike.unlike:
        case, rerun = unlike.example or "", unlike.unlike.rerun
        yield from {"verdict": BITS, "case": case, "rerun": rerun}.items()
    elif found.cells:
        counts = sum((Counter(cell.counts) for cell in found.cells), Counter[str]())
        whole = replace(found.cells[0], counts=dict(counts))
        whole.settle(crashed=False, entire=True)
        yield "verdict", whole.status
