"""`convcheck campaign`: a region too large for one machine, or for one sitting."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from convcheck.campaigns.campaign import CampaignError, campaign, process_pool
from convcheck.campaigns.certificates import Certificate
from convcheck.campaigns.plan import Part, Plan, total
from convcheck.campaigns.results import Results, ResultsError
from convcheck.cases.inside import Inside, ParametersInside
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.conformance.plugin.failures import rerun_command
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.references import HOMES
from convcheck.form.operations import operation_named
from convcheck.judging.judge import OracleError
from convcheck.judging.verdicts import explain
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.loading import CandidateError, safe_path
from convcheck.kernels.shown.text import one_line
from convcheck.kernels.subjects import Subject
from convcheck.reports import campaigns
from convcheck.reports.document import Campaign, Kernel
from convcheck.reports.render import Outputs
from convcheck.reports.status import Exit, ReportError

SCHEDULER_SECONDS = 10
# In one range; of three axes that have so many values, there are a million combinations.
_MOST_NUMBERS = 100


class _WrongCommandError(Exception):
    """The command is wrong; the message is one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "kernel",
        metavar="OPERATION[=MODULE:FUNCTION[,KEY=VALUE]...]",
        help="what is certified; an operation alone stands for the reference's kernel",
    )
    region = parser.add_mutually_exclusive_group(required=True)
    region.add_argument("--extent", type=int, help="both axes up to this, without parameters")
    region.add_argument(
        "--parameters",
        type=int,
        metavar="EXTENT",
        help="one axis up to this, with every parameter that the kernel takes; beside it, "
        "none of the five options that follow",
    )
    parser.add_argument("--reach", type=int, help="one axis up to this")
    parser.add_argument("--narrow", type=int, help="the other axis then (default: 2)")
    parser.add_argument("--full-to", type=int, help="all combinations up to this extent")
    parser.add_argument("--batches", type=_numbers, metavar="1,2")
    parser.add_argument("--channels", type=_numbers, metavar="1-3")
    parser.add_argument("--dtypes", type=_words, default=("float64",), metavar="float64,float32")
    parser.add_argument("--draws", type=int, default=1, help="draws of integers on each geometry")
    parser.add_argument("--seed", type=int, default=0, help="of the first draw")
    parser.add_argument(
        "--results",
        type=Path,
        required=True,
        help="file that parts are appended to; a campaign goes on where it was stopped",
    )
    parser.add_argument("--json", type=Path, help="write the certificate to this file")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--scheduler", help="address of a Dask scheduler, such as tcp://10.0.0.1:8786"
    )


def _numbers(text: str) -> tuple[int, ...]:
    """Return the integers of a list such as 1,2,8 or 1-4."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        if len(numbers) > _MOST_NUMBERS:
            raise argparse.ArgumentTypeError(f"{part}: expected at most {_MOST_NUMBERS} numbers")
        found += numbers
    return tuple(found)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def run(options: argparse.Namespace) -> int:
    """Run or go on with the campaign, and tell what it found; return the exit status."""
    try:
        plan = _plan(options)
        with (
            safe_path(),
            Results(options.results, plan) as results,
            _executors(options) as (make, ahead),
        ):
            progress = Progress(plan, results)
            try:
                certificate = campaign(plan, results, make, ahead=ahead, progress=progress)
            except KeyboardInterrupt:
                # Once more would lose what is told now, which takes a moment.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                certificate = total(plan, results.parts())
            progress.close()
            return _tell(certificate, plan, options)
    except (_WrongCommandError, ResultsError) as error:
        sys.stderr.write(f"ERROR: {one_line(str(error), 500)}\n")
        return Exit.INCOMPLETE
    except (CampaignError, OracleError, OSError, ReportError) as error:
        sys.stderr.write(f"ERROR: {error}; what was found stands in {options.results}\n")
        return Exit.BROKEN


def _plan(options: argparse.Namespace) -> Plan:
    """Return the plan that the options ask for, its candidate tried out once."""
    try:
        # Workers may run in other folders.
        candidate = Candidate.parse(_line(options)).located(os.path.abspath)
        kernel = Isolated(candidate, names={})
        region = _region(kernel, options)
        kernel.start()
        kernel.stop()
    except (CandidateError, ValueError) as error:
        raise _WrongCommandError(str(error)) from None
    for name in ("draws", "workers"):
        if getattr(options, name) < 1:
            raise _WrongCommandError(f"{name}={getattr(options, name)}: expected at least 1")
    if options.json is not None:
        if options.json.resolve() == options.results.resolve():
            raise _WrongCommandError(f"json={str(options.json)!r}: expected another file")
        if not options.json.parent.is_dir() or options.json.is_dir():
            raise _WrongCommandError(f"json={str(options.json)!r}: expected a file in a folder")
    source = candidate.source
    try:
        return Plan(region, str(candidate), source, options.draws, options.seed)
    except ValueError as error:
        raise _WrongCommandError(str(error)) from None


def _line(options: argparse.Namespace) -> str:
    """Return the candidate that is asked for; an operation alone stands for the reference."""
    kernel: str = options.kernel
    if not kernel.isidentifier():
        return kernel
    taken = operation_named(kernel).parameters
    line = f"{kernel}={HOMES[kernel].__name__}:{kernel}"
    return f"{line},takes={'+'.join(taken)}" if options.parameters is not None and taken else line


_SIZES = ("reach", "narrow", "full_to", "batches", "channels")


def _region(kernel: Subject, options: argparse.Namespace) -> Region | ParameterRegion:
    """Return the region that is asked for."""
    operation, taken = kernel.operation.name, kernel.taken
    sizes = {name: each for name in _SIZES if (each := getattr(options, name)) is not None}
    if options.parameters is None:
        own = {"dtypes": options.dtypes, **sizes}
        if taken.domain is not None:
            return Inside(operation, options.extent, **own, only=str(taken.domain))
        return Region(operation, options.extent, **own)
    for name, each in sizes.items():
        raise ValueError(f"{name}={each!r}: expected none beside parameters")
    if not taken.parameters:
        raise ValueError("takes=(): expected parameters that the kernel takes, as in takes=padding")
    form = (operation, options.parameters, *taken[:3])
    if taken.domain is not None:
        return ParametersInside(*form, dtypes=options.dtypes, only=str(taken.domain))
    return ParameterRegion(*form, dtypes=options.dtypes)


@contextmanager
def _executors(
    options: argparse.Namespace,
) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Yield what makes executors, and how many spans to have under way."""
    if options.scheduler is None:
        yield lambda: process_pool(options.workers), 2 * options.workers
        return
    try:
        from distributed import Client  # noqa: PLC0415  (an extra)
    except ImportError:
        raise _WrongCommandError(
            f"scheduler={options.scheduler!r}: expected the extra to be installed: "
            "pip install 'convcheck[dask]'"
        ) from None
    try:
        client = Client(options.scheduler, timeout=SCHEDULER_SECONDS)
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise _WrongCommandError(f"scheduler={options.scheduler!r}: {text}") from None
    with client:
        threads = sum(client.nthreads().values())
        yield lambda: client.get_executor(pure=False), 2 * max(threads, options.workers)


def _tell(certificate: Certificate, plan: Plan, options: argparse.Namespace) -> int:
    sys.stdout.write(f"{certificate}\n")
    if certificate.failure is not None:
        sys.stdout.write(f"{explain(certificate.failure, rerun_command(certificate.failure))}\n")
    if options.json is not None:
        Outputs(options.json).write(_document(certificate, plan, options))
    if certificate.interrupted and certificate.failure is None:
        sys.stdout.write(f"The same command goes on where {options.results} ends.\n")
        return Exit.INTERRUPTED
    if certificate.failure is not None:
        return Exit.FAILS
    return Exit.CONFORMS if certificate.complete else Exit.INCOMPLETE


def _document(certificate: Certificate, plan: Plan, options: argparse.Namespace) -> Campaign:
    """Return what is kept of the campaign, the kernel under the name that was given."""
    record = Record()
    record.certified(certificate)
    named = Candidate.parse(_line(options))
    kernel = Kernel(named.operation, named.place, plan.source)
    return campaigns.assemble(
        record.found(), kernel, version("convcheck"), complete=certificate.complete
    )


class Progress:
    """Tells on standard error how far a campaign is: rate, and time left."""

    def __init__(self, plan: Plan, results: Results) -> None:
        self._planned = plan.region.count()
        self._done = sum(_geometries(part) for part in results.parts())
        self._before = self._done
        self._started = self._last = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __call__(self, part: Part) -> None:
        """Add a part; tell at most twice a second on a terminal, else twice a minute."""
        self._done += _geometries(part)
        now = time.monotonic()
        if now - self._last < (0.5 if self._terminal else 30):
            return
        self._last = now
        rate = (self._done - self._before) / max(now - self._started, 1e-9)
        left = (self._planned - self._done) / max(rate, 1e-9)
        text = (
            f"{self._done:,} of {self._planned:,} geometries, {rate:,.0f} a second, "
            f"about {_duration(left)} left"
        )
        sys.stderr.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """End the line."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")


def _geometries(part: Part) -> int:
    return part.certified + part.undecided


def _duration(seconds: float) -> str:
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{hours} h"
