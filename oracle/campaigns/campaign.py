"""Campaigns: regions of millions of geometries, certified in spans by many workers.

Each span of a plan is certified by itself, wherever a worker is free: on any executor that
has the interface of `concurrent.futures`.  What it gave is appended to a file of results as
it comes, so that a campaign that was stopped goes on where it was.
"""

import contextlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import msgspec

from convcheck.form.operations import operation_named
from convcheck.form.pytorch import one_thread
from convcheck.judging.cross_check import cross_check
from convcheck.judging.enumeration import enumerate_region
from convcheck.judging.judge import OracleError
from convcheck.judging.oracles import ORACLES
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.loading import CandidateError

from .certificates import Certificate
from .checks import part_of
from .plan import Failed, Part, Plan, total
from .results import Results

# A span that so many workers were lost on is given up.
_ATTEMPTS = 3


class CampaignError(Exception):
    """A campaign cannot go on; what it found is kept.  The message is one line."""


def certify_span(plain: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
    """Certify one span of the plan `plain`; run by workers, and plain in what it returns.

    Raises:
        CandidateError: there is no such candidate where the worker is.
        OracleError: the oracles contradict one another there.
    """
    plan = Plan.from_plain(plain)
    kernel, span = _worker_kernel(plan), range(start, stop)
    certificate, before = _certified(kernel, plan, span), None
    for _ in range(_ATTEMPTS):
        failed = certificate.failure
        if failed is None or (failed.case, failed.reason) == before:
            break
        # Its process may have been ended by somebody else: a failure counts if another
        # process has it, too.
        before = failed.case, failed.reason
        kernel.stop()
        certificate = _certified(kernel, plan, span)
    failed, failure = certificate.failure, None
    if failed is not None:
        outcome: Any = failed.outcome.value
        failure = Failed(str(failed.case), outcome, failed.reason)
    judged = [(dtype, each, n) for (dtype, each), n in sorted(certificate.judged.items())]
    part = Part(
        start,
        stop,
        certificate.agreed,
        certificate.undecided,
        judged,
        dict(sorted(certificate.choices.items())),
        [(*axis, *known) for axis, known in sorted(certificate.axes.items())],
        certificate.rounded,
        failure,
    )
    found: dict[str, Any] = msgspec.to_builtins(part)
    return found


def _certified(kernel: Isolated, plan: Plan, span: range) -> Certificate:
    """Return the certificate of a span, whatever the kernel did before."""
    kernel.begin()
    certificate = Certificate(plan.region, plan.draws, plan.region.count(span))
    verdicts = enumerate_region(kernel, plan.region, draws=plan.draws, seed=plan.seed, span=span)
    try:
        with one_thread():
            for _, each in verdicts:
                certificate.add(each)
    except BaseException:  # whoever tries again is to have another process
        kernel.stop()
        raise
    return certificate


# A worker may have threads, and a candidate's process answers one at a time.
_kernels = threading.local()


def _worker_kernel(plan: Plan) -> Isolated:
    """Return the candidate, started once a thread, after the oracles there were checked."""
    known: dict[str, Isolated] = _kernels.__dict__.setdefault("known", {})
    if plan.candidate not in known:
        candidate = Candidate.parse(plan.candidate)
        cross_check(ORACLES, [operation_named(candidate.operation)])
        kernel = Isolated(candidate, names={})
        kernel.start()
        if candidate.source != plan.source:
            raise CandidateError(f"{candidate.place}: another version of it is planned for")
        known[plan.candidate] = kernel
    return known[plan.candidate]


def campaign(
    plan: Plan,
    results: Results,
    make_executor: Callable[[], Executor],
    *,
    ahead: int,
    progress: Callable[[Part], None] = lambda _: None,
) -> Certificate:
    """Certify what `results` lacks of `plan`, and return the certificate of it all.

    Args:
        plan: what is certified.
        results: where parts are kept.
        make_executor: returns any executor; asked again if that one breaks.
        ahead: how many spans to have under way: more than there are workers.
        progress: called after each part.

    Raises:
        CampaignError: a span was lost again and again, or a worker has no such candidate.
        OracleError: the oracles contradict one another.
    """
    run = _Run(plan, results, ahead, progress)
    broken = 0
    while not run.finished():
        before, executor = len(results.parts()), make_executor()
        try:
            run.work_off(executor)
        except BrokenExecutor as error:
            broken = broken + 1 if len(results.parts()) == before else 1
            if broken == _ATTEMPTS:
                raise CampaignError(f"all workers were lost {broken} times: {error}") from error
        finally:
            executor.shutdown(wait=False)
    return total(plan, results.parts())


class process_pool(ProcessPoolExecutor):  # noqa: N801  (makes an executor, as a function would)
    """An executor of so many processes, which end when this one does, however it goes."""

    def __init__(self, workers: int) -> None:
        """Start no process yet."""
        context = get_context("spawn")  # torch's threads do not survive a fork
        reader, self._alive = context.Pipe(duplex=False)
        super().__init__(workers, context, initializer=_end_with, initargs=(reader,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  (as its base has it)
        """End the processes; with what is under way, if that is not to be waited for."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._alive.close()


def _end_with(alive: Connection) -> None:
    """Have a thread end this process when the other end of `alive` is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            alive.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Run:
    """Spans under way, on one executor after another."""

    def __init__(
        self, plan: Plan, results: Results, ahead: int, progress: Callable[[Part], None]
    ) -> None:
        self._plan, self._plain = plan, plan.plain()
        self._results, self._ahead, self._progress = results, ahead, progress
        self._losses: Counter[range] = Counter()
        self._pending: dict[Future[dict[str, Any]], range] = {}
        self._done: SimpleQueue[Future[dict[str, Any]]] = SimpleQueue()
        # Where the first span starts that failed; where the region ends if none did.
        failed = (part.start for part in results.parts() if part.failure)
        self._failed = min(failed, default=plan.region.places)

    def finished(self) -> bool:
        """Return whether there is nothing left to certify."""
        return next(self._missing(), None) is None

    def _missing(self) -> Iterator[range]:
        """Yield the spans without a part, up to the first that failed."""
        for span in self._plan.spans():
            if span.start > self._failed:
                return
            if span.start not in self._results:
                yield span

    def work_off(self, executor: Executor) -> None:
        """Certify what is missing on `executor`; BrokenExecutor when that has broken."""
        missing = self._missing()
        try:
            while True:
                while len(self._pending) < self._ahead and (span := next(missing, None)):
                    self._submit(executor, span)
                if not self._pending:
                    return
                self._take(self._done.get(), executor)
        finally:
            for future in self._pending:
                future.cancel()
            self._pending.clear()

    def _submit(self, executor: Executor, span: range) -> None:
        future = executor.submit(certify_span, self._plain, span.start, span.stop)
        self._pending[future] = span
        future.add_done_callback(self._done.put)

    def _take(self, future: Future[dict[str, Any]], executor: Executor) -> None:
        span = self._pending.pop(future, None)
        if span is None:  # of an executor that has broken
            return
        part = self._part_of(future, span)
        if part is None:
            self._submit(executor, span)
            return
        self._results.append(part)
        if part.failure:
            self._failed = min(self._failed, part.start)
        self._progress(part)

    def _part_of(self, future: Future[dict[str, Any]], span: range) -> Part | None:
        """Return what a span gave, or None where its worker was lost and others may try."""
        try:
            # As JSON has it, and held against the plan: a worker may be of another version.
            return part_of(self._plan, json.loads(json.dumps(future.result())))
        except (BrokenExecutor, OracleError):
            raise
        except CandidateError as error:
            raise CampaignError(f"a worker cannot load the candidate: {error}") from error
        except Exception as error:
            self._losses[span] += 1
            if self._losses[span] < _ATTEMPTS:
                return None
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise CampaignError(
                f"places {span.start} to {span.stop} were lost {_ATTEMPTS} times: {text}"
            ) from error
