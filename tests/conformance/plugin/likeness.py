"""What a candidate shares with the kernel that it replaces, counted for one test."""

import shlex

from convcheck.cases.case import Case
from convcheck.diagnosis.beside.likeness import Comparison, Likeness, Losses, compare
from convcheck.kernels.shown.message import describe
from convcheck.kernels.shown.text import printable
from convcheck.kernels.subjects import Subject
from convcheck.reports.rows import Compared, Loss, Refactor, Timed, Unlike

from .accuracy import Accuracy
from .failures import ConformanceError, rerun_command


class Tally:
    """Comparisons of two kernels, the simplest case first."""

    def __init__(self, kernel: Subject, replaced: Subject) -> None:
        self.kernels = (kernel, replaced)
        self.comparisons: list[Comparison] = []
        self._seconds: list[tuple[float, float]] = []

    def compare(self, cases: list[Case]) -> None:
        """Compare the kernels on some cases, and note the time that each took for them.

        What compiles for each shape has done so before.
        """
        if self.kernels[0].shapes is not None:
            compare(*self.kernels, cases[:1])
        before = self._spent()
        self.comparisons += compare(*self.kernels, cases)
        own, other = (now - then for now, then in zip(self._spent(), before, strict=True))
        self._seconds.append((_measured(own), _measured(other)))

    def _spent(self) -> list[float]:
        return [kernel.spent for kernel in self.kernels]

    def row(self, operation: str, dtype: str, *, bitwise: bool) -> Refactor:
        """Return the counts as a row of a report."""
        accuracy, losses = (Accuracy(), Accuracy()), Losses()
        for each in self.comparisons:
            losses.add(each)
            if each.verdict.error is not None and each.replaced.error is not None:
                accuracy[0].add(each.verdict)
                accuracy[1].add(each.replaced)
        bins, other_bins = (each.distribution for each in accuracy)
        compared = [each for each in self.comparisons if each.compared]
        example = self._example()
        identical = sum(each.difference is None for each in compared)
        retyped = sum(each.retyped for each in compared)
        loss = {
            key: Loss(float(f"{ratio:.2g}"), float(f"{limit:.2g}"))
            for key, (ratio, limit) in losses.ratios().items()
        }
        found = Refactor(
            operation,
            self.kernels[0].place,
            self.kernels[1].place,
            Likeness.NOTHING.value,
            bitwise,
            len(compared),
            identical,
            retyped,
            sum(each.replaced.failed for each in self.comparisons),
            [Compared(dtype, len(compared), identical, retyped, bins, other_bins, loss)],
            None if example is None else str(example.case),
            self._unlike(example) if bitwise and example is not None else None,
        )
        failed = any(each.verdict.failed for each in self.comparisons)
        found.settle(wrong=failed, less=losses.clear)
        return found

    def timed(self, operation: str) -> Timed:
        """Return the seconds that each kernel took."""
        compared = sum(each.compared for each in self.comparisons)
        return Timed(operation, compared, self._seconds)

    def _example(self) -> Comparison | None:
        """Return the first case whose results differ in bits, or else in dtype."""
        differing = [each for each in self.comparisons if each.difference]
        retyped = [each for each in self.comparisons if each.retyped]
        return next(iter(differing + retyped), None)

    def demand_bits(self) -> None:
        """Raise ConformanceError unless all results compared are the same to the bit."""
        __tracebackhide__ = True
        example = self._example()
        if example is not None:
            found = self._unlike(example)
            raise ConformanceError(f"{found.message}\n  rerun    {found.rerun}")

    def _unlike(self, example: Comparison) -> Unlike:
        case, difference = example.case, example.difference
        other_kernel = self.kernels[1]
        replaced = other_kernel.place or "the other"
        own, other = example.dtypes
        lines = [f"{case.operation}, {case.dtype}: not bit-identical with {replaced}"]
        if difference is None:
            lines.append(
                f"  dtype    {own}, that of {replaced} is {other}; the values are the same"
            )
        else:
            index = ", ".join(map(str, difference.index))
            lines += [
                f"  element  z[{index}] is {_exactly(difference.got)},",
                f"           by {replaced} {_exactly(difference.replaced)}",
                f"  differ   {difference.count} of {difference.total} elements"
                + (f"; {own} instead of {other}" if example.retyped else ""),
            ]
        if example.replaced.failed:
            lines.append(f"  but      {replaced} is wrong here: {example.replaced.reason}")
        command = "pytest --bitwise"
        if other_kernel.line:
            command += f" --replaces {shlex.quote(other_kernel.line)}"
        lines.append(f"  case     {describe(case.geometry)}; fill {case.fill}")
        rerun = rerun_command(example.verdict, command=f"{command} --case {case}")
        return Unlike(printable("\n".join(lines)), printable(rerun))


def _measured(seconds: float) -> float:
    """Return a time as it is kept: less than a microsecond is not told from none."""
    return round(max(seconds, 1e-6), 9) if seconds else 0.0


def _exactly(value: float) -> str:
    return f"{value!r} ({value.hex()})"
