"""Campaigns: regions of millions of geometries, certified in spans by many workers.

Each span of a plan is certified by itself, wherever a worker is free: on any executor that
has the interface of `concurrent.futures`.  What it gave is appended to a file of results as
it comes, so that a campaign that was stopped goes on where it was.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import asdict
from typing import Any

from .campaign_plan import Part, Plan, total
from .campaign_results import Results
from .candidates import Candidate, CandidateError
from .certificates import Certificate, enumerate_region
from .cross_check import cross_check
from .isolation import Isolated
from .judge import OracleError
from .operations import operation_named
from .oracles import ORACLES
from .pytorch import one_thread

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
    kernel = _worker_kernel(plan)
    certificate = Certificate(plan.region, plan.draws, plan.region.count(range(start, stop)))
    with one_thread():
        for _, verdicts in enumerate_region(
            kernel, plan.region, draws=plan.draws, seed=plan.seed, span=range(start, stop)
        ):
            certificate.add(verdicts)
    failure = certificate.failure
    return asdict(
        Part(
            *(start, stop, certificate.certified, certificate.undecided),
            {outcome.value: count for outcome, count in sorted(certificate.judged.items())},
            dict(sorted(certificate.choices.items())),
            failure
            and {
                "case": str(failure.case),
                "outcome": failure.outcome.value,
                "reason": failure.reason,
            },
        )
    )


# A worker may have threads, and a candidate's process answers one at a time.
_kernels = threading.local()


def _worker_kernel(plan: Plan) -> Isolated:
    """Return the candidate, started once a thread, after the oracles there were checked."""
    known: dict[str, Isolated] = _kernels.__dict__.setdefault("known", {})
    if plan.candidate not in known:
        candidate = Candidate.parse(plan.candidate)
        cross_check(ORACLES, [operation_named(candidate.operation)])
        kernel = Isolated(candidate)
        kernel.start()
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
    losses: Counter[int] = Counter()
    while not _finished(plan, results):
        executor = make_executor()
        try:
            _certify_missing(plan, results, executor, ahead, progress, losses)
        except BrokenExecutor as error:
            losses[-1] += 1
            if losses[-1] >= _ATTEMPTS:
                raise CampaignError(f"the workers were lost {_ATTEMPTS} times: {error}") from error
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
    return total(plan, results.parts())


def _finished(plan: Plan, results: Results) -> bool:
    return next(_missing(plan, results), None) is None


def _missing(plan: Plan, results: Results) -> Iterator[range]:
    """Yield the spans that are still to be certified, up to the first that failed."""
    failed = min((part.start for part in results.parts() if part.failure), default=None)
    for span in plan.spans():
        if failed is not None and span.start > failed:
            return
        if span.start not in results:
            yield span


def _certify_missing(
    plan: Plan,
    results: Results,
    executor: Executor,
    ahead: int,
    progress: Callable[[Part], None],
    losses: Counter[int],
) -> None:
    """Certify the missing spans on `executor`; BrokenExecutor when that has broken."""
    plain, missing = plan.plain(), _missing(plan, results)
    pending: dict[Future[dict[str, Any]], range] = {}
    failed = plan.region.places
    while True:
        while len(pending) < ahead and (span := next(missing, None)) and span.start < failed:
            pending[executor.submit(certify_span, plain, span.start, span.stop)] = span
        if not pending:
            return
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            span = pending.pop(future)
            if span.start > failed:
                continue
            part = _part_of(future, span, losses)
            if part is None:  # its worker was lost
                pending[executor.submit(certify_span, plain, span.start, span.stop)] = span
                continue
            results.append(part)
            losses.clear()
            progress(part)
            if part.failure:
                failed = min(failed, part.start)
                for other in [each for each, at in pending.items() if at.start > failed]:
                    other.cancel()
                    del pending[other]


def _part_of(future: Future[dict[str, Any]], span: range, losses: Counter[int]) -> Part | None:
    """Return what a span gave, or None where its worker was lost and others may try."""
    try:
        return Part(**future.result())
    except (BrokenExecutor, OracleError):
        raise
    except CandidateError as error:
        raise CampaignError(f"a worker cannot load the candidate: {error}") from error
    except Exception as error:
        losses[span.start] += 1
        if losses[span.start] >= _ATTEMPTS:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise CampaignError(
                f"places {span.start} to {span.stop} were lost {_ATTEMPTS} times: {text}"
            ) from error
        return None
