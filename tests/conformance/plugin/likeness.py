"""What a candidate shares with the kernel that it replaces, counted for one test."""

import shlex
from typing import Any

from convcheck.cases.case import Case
from convcheck.diagnosis.beside.likeness import Comparison, Losses, compare
from convcheck.kernels.shown.message import describe
from convcheck.kernels.subjects import Subject

from .accuracy import Accuracy
from .recording import ConformanceError, rerun_command


class Tally:
    """Comparisons of two kernels, the simplest case first."""

    def __init__(self, kernel: Subject, replaced: Subject) -> None:
        self.kernels = (kernel, replaced)
        self.comparisons: list[Comparison] = []
        self._seconds: list[tuple[float, ...]] = []

    def compare(self, cases: list[Case]) -> None:
        """Compare the kernels on some cases, and note the time that each took for them."""
        before = self._spent()
        self.comparisons += compare(*self.kernels, cases)
        pairs = zip(self._spent(), before, strict=True)
        self._seconds.append(tuple(_measured(after - start) for after, start in pairs))

    def _spent(self) -> tuple[float, ...]:
        return tuple(kernel.spent for kernel in self.kernels)

    def dump(self, operation: str, dtype: str, *, bitwise: bool) -> dict[str, Any]:
        """Return the counts in plain types, and with them the seconds that each kernel took."""
        accuracy, losses = (Accuracy(), Accuracy()), Losses()
        for each in self.comparisons:
            losses.add(each)
            if each.verdict.error is not None and each.replaced.error is not None:
                accuracy[0].add(each.verdict)
                accuracy[1].add(each.replaced)
        candidate, replaced = (each.dump()["distribution"] for each in accuracy)
        compared = [each for each in self.comparisons if each.compared]
        example = self._example()
        return {
            "operation": operation,
            "dtype": dtype,
            "bitwise": bitwise,
            "cases": len(compared),
            "identical": sum(each.difference is None for each in compared),
            "retyped": sum(each.retyped for each in compared),
            "failed": sum(each.verdict.failed for each in self.comparisons),
            "failed_replaced": sum(each.replaced.failed for each in self.comparisons),
            "candidate": candidate,
            "replaced": replaced,
            "loss": {
                key: {"ratio": float(f"{ratio:.2g}"), "limit": float(f"{limit:.2g}")}
                for key, (ratio, limit) in losses.ratios().items()
            },
            "less": losses.clear,
            "example": None if example is None else str(example.case),
            "seconds": self._seconds,
        }

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
            raise ConformanceError(self._message(example))

    def _message(self, example: Comparison) -> str:
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
        lines += [
            f"  case     {describe(case.geometry)}; fill {case.fill}",
            f"  rerun    {rerun_command(example.verdict, command=f'{command} --case {case}')}",
        ]
        return "\n".join(lines)


def _measured(seconds: float) -> float:
    """Return a time as it is kept: less than a microsecond is not told from none."""
    return round(max(seconds, 1e-6), 9) if seconds else 0.0


def _exactly(value: float) -> str:
    return f"{value!r} ({value.hex()})"
