"""A campaign gives the certificate of one process, however often and where it was stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_runs import environment

from convcheck.campaigns import plan as campaign_plan
from convcheck.campaigns.campaign import CampaignError, campaign, process_pool
from convcheck.campaigns.certificates import certify
from convcheck.campaigns.plan import Plan, total
from convcheck.campaigns.results import FORMAT, VERSION, Results, ResultsError
from convcheck.cases.inside import Inside, ParametersInside
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import load
from convcheck.kernels.loading import source_digest
from convcheck.reference import convolution

Change = Callable[[bytes], bytes]

REGION = Region("convolution", 3, narrow=1, full_to=0, batches=(1,), channels=(1, 2))
RIGHT = "convolution=convcheck.reference.notebook:convolution"
WRONG = """
from convcheck.reference import notebook

def convolution(x, ftr, strd):
    z = notebook.convolution(x, ftr, strd)
    return z + (x.shape[1:3] == (2, 3) and strd == (1, 2))
"""


@pytest.fixture(autouse=True)
def short_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small regions have several spans."""
    monkeypatch.setattr(campaign_plan, "SPAN", 16)


def plan_for(kernel: str) -> Plan:
    """Return a plan with a few spans."""
    return Plan(REGION, kernel, source_digest(Candidate.parse(kernel).module))


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """Return a candidate that is wrong in a later span alone."""
    path = tmp_path / "wrong.py"
    path.write_text(WRONG, encoding="utf-8")
    return f"convolution={path}:convolution"


def run(plan: Plan, path: Path, make: Callable[[], Executor] | None = None) -> str:
    """Run a campaign, by default in this process, and return its certificate as text."""
    with Results(path, plan) as results:
        return str(campaign(plan, results, make or (lambda: ThreadPoolExecutor(1)), ahead=2))


def test_it_gives_the_certificate_of_one_process(tmp_path: Path) -> None:
    """The certificate is `certify`'s."""
    assert run(plan_for(RIGHT), tmp_path / "r") == str(certify(convolution, REGION))


INSIDE = (
    Inside("convolution", 2, full_to=0, only="height == 1"),
    ParametersInside("convolution", 2, ("padding",), only="padding_top == 1"),
    ParametersInside("convolution", 3, ("padding",), only="batch == 1", few=True, every=2),
)


@pytest.mark.parametrize("region", INSIDE)
def test_a_region_in_a_domain_is_certified(
    tmp_path: Path, region: Inside | ParametersInside
) -> None:
    """So it is where a kernel has a domain."""
    line = "convolution=convcheck.reference.parameters:convolution,takes=padding"
    plan = Plan(region, line, source_digest(Candidate.parse(line).module))
    with Results(tmp_path / "r", plan) as results:
        assert Plan.from_plain(plan.plain()) == plan
        certificate = campaign(plan, results, lambda: ThreadPoolExecutor(1), ahead=2)
    assert certificate
    assert str(certificate) == str(certify(load(line), region))


def test_the_simplest_disagreement_is_told(tmp_path: Path, wrong: str) -> None:
    """What lies behind the first disagreement is not counted, whatever came first."""
    plan = plan_for(wrong)
    text = run(plan, tmp_path / "r")
    assert "disagrees on v1:convolution:float64:integers:b1.h2.w3.i1.o1.f1x1.s1x2:0" in text
    with Results(tmp_path / "r", plan) as results:
        starts = sorted(part.start for part in results.parts())
        failed = min(part.start for part in results.parts() if part.failure)
        # What was under way is kept, and no more was asked for.
        assert 0 < failed <= starts[-1] <= failed + 2 * 16 < plan.region.places - 16


PADDED = ParameterRegion("convolution", 2, ("padding", "bias"), symmetric=True)
OF_PARAMETERS = """
from convcheck.reference import parameters

def convolution(x, ftr, strd, padding=(0, 0), bias=None):
    sides = [(each, each) for each in padding]
    z = parameters.convolution(x, ftr, strd, padding=sides, bias=bias)
    return z + (padding[1] == WRONG)
"""


@pytest.mark.parametrize("at", [0, 2])
def test_a_region_of_parameters_is_certified_in_parts(tmp_path: Path, at: int) -> None:
    """Stopped and gone on, it gives the certificate of one process, of a wrong kernel too."""
    path = tmp_path / "mine.py"
    path.write_text(OF_PARAMETERS.replace("WRONG", str(at or "None")), encoding="utf-8")
    line = f"convolution={path}:convolution,takes=padding+bias,padding=pair"
    plan = Plan(PADDED, line, source_digest(str(path)))
    with Results(tmp_path / "r", plan) as results, pytest.raises(KeyboardInterrupt):
        campaign(plan, results, lambda: _Odd(None, KeyboardInterrupt()), ahead=1)
    assert len((tmp_path / "r").read_text().splitlines()) == 2
    text = run(plan, tmp_path / "r")
    assert text == str(certify(load(line), PADDED))
    assert ("not certified" in text) == (at > 0)


class _Odd(ThreadPoolExecutor):
    """An executor that is interrupted, or loses workers, in the order told; then it is a thread."""

    def __init__(self, *errors: BaseException | None) -> None:
        super().__init__(1)
        self.errors = iter(errors)

    def submit(self, *arguments: Any, **keywords: Any) -> Future[Any]:
        error = next(self.errors, None)
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is None:
            return super().submit(*arguments, **keywords)
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


def test_a_stopped_campaign_goes_on(tmp_path: Path) -> None:
    """What was found is not looked for again, a line cut short is, and the result is the same."""
    plan = plan_for(RIGHT)
    path = tmp_path / "r"
    whole = run(plan, tmp_path / "undisturbed")
    with Results(path, plan) as results, pytest.raises(KeyboardInterrupt):
        campaign(plan, results, lambda: _Odd(None, KeyboardInterrupt()), ahead=1)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2
    path.write_bytes(b"".join(lines) + b'{"start": 16, "st')
    with Results(path, plan) as results:
        assert total(plan, results.parts()).interrupted
    assert run(plan, path) == whole
    assert path.read_bytes().splitlines(keepends=True)[:2] == lines


@pytest.mark.parametrize("error", [BrokenExecutor("gone"), ConnectionError("gone")])
def test_a_lost_worker_loses_nothing(tmp_path: Path, error: Exception) -> None:
    """Spans of lost workers are given to others; where all are lost, that is said."""
    plan = plan_for(RIGHT)
    losing = iter([_Odd(error, error), ThreadPoolExecutor(1)])
    assert run(plan, tmp_path / "r", lambda: next(losing)) == run(plan, tmp_path / "s")
    with pytest.raises(CampaignError, match="lost 3 times"):
        run(plan, tmp_path / "t", lambda: _Odd(*[error] * 100))


# Ends its process once where it is asked for some shapes, or four times while it is imported.
KILLED = {
    "once": """
import os
from pathlib import Path
from convcheck.reference import notebook

def convolution(x, ftr, strd):
    marker = Path(__file__).with_suffix(".killed")
    if x.shape[1:3] == (2, 3) and not marker.exists():
        marker.write_text("x")
        os.kill(os.getpid(), 9)
    return notebook.convolution(x, ftr, strd)
""",
    "at import": """
import os
from pathlib import Path
from convcheck.reference.notebook import convolution

with Path(__file__).with_suffix(".killed").open("a") as file:
    file.write("x")
    file.flush()
    if file.tell() in (1, 2, 4, 5):
        os.kill(os.getpid(), 9)
""",
}


@pytest.mark.parametrize(("when", "least"), [("once", 1), ("at import", 3)])
def test_a_kernel_that_somebody_else_has_ended_is_not_to_blame(
    tmp_path: Path, when: str, least: int
) -> None:
    """What another process of the same kernel does not do again is no failure.

    Nor is a kill while a worker imports it, again and again: the certificate is the same.
    """
    path = tmp_path / "killed.py"
    path.write_text(KILLED[when], encoding="utf-8")
    text = run(plan_for(f"convolution={path}:convolution"), tmp_path / "r")
    assert path.with_suffix(".killed").stat().st_size >= least
    assert text == str(certify(convolution, REGION))


def test_what_is_not_waited_for_is_ended() -> None:
    """Workers do not go on when a campaign is stopped, and their spans are given up."""
    pool = process_pool(1)
    pool.submit(time.sleep, 0).result()
    under_way = pool.submit(time.sleep, 600)
    pool.shutdown(wait=False)
    with pytest.raises(BrokenExecutor):
        under_way.result(timeout=30)


def other(**changes: Any) -> Change:
    """Return what changes a line: some of its fields, perhaps by what is there."""

    def change(line: bytes) -> bytes:
        part = json.loads(line)
        part |= {n: each(part.get(n)) if callable(each) else each for n, each in changes.items()}
        return json.dumps(part).encode()

    return change


FAILURE = {"outcome": "disagrees", "reason": ""}
ELSEWHERE = "v1:convolution:float64:integers:b1.h3.w3.i1.o1.f1x1.s1x1:0"
FILE = f"expected a file of format {FORMAT}, version {VERSION}"
HEADERS: dict[str, tuple[Change | bytes, str]] = {
    "text": (b"hello", FILE),
    "list": (b"[]", FILE),
    "brackets": (b"[" * 60_000, FILE),
    "no text": (b"\xff", FILE),
    "another version": (other(version=VERSION - 1), FILE),
    "another convcheck": (other(convcheck="0.0.9"), "convcheck='0.0.9', expected '"),
    "no convcheck": (other(convcheck=None), "convcheck=None, expected '"),
    "no plan": (other(plan=None), "region=None, expected {"),
    "another plan": (other(plan=lambda plan: plan | {"draws": True}), "draws=True, "),
    "more": (other(more=1), "expected a header with nothing else in it"),
}
IMPOSSIBLE: dict[str, tuple[Change | bytes, str]] = {
    "more than there are": (other(certified=1_005_929), "certified and undecided: "),
    "fewer than there are": (other(certified=lambda n: n - 1), "certified and undecided: "),
    "negative": (other(undecided=lambda n: -n - 1), "undecided: "),
    "true": (other(undecided=False), "undecided: "),
    "1.0": (other(certified=float), "certified: "),
    "text": (other(certified=str), "certified: "),
    "NaN": (other(undecided=float("nan")), "undecided: "),
    "no span's": (other(start=lambda n: n + 1), "start: expected that of a span"),
    "no number": (other(start=lambda n: [n]), "start: Expected `int`"),
    "behind the end": (other(start=16 * 10**9), "start: expected that of a span"),
    "long": (other(stop=lambda n: n + 16), "stop: expected "),
    "twice": (lambda line: line + b"\n" + line, "stands in an earlier line, too"),
    "judged others": (other(judged=lambda rows: [["float32", *rows[0][1:]]]), "judged: "),
    "judged fewer": (other(judged=lambda rows: [[*rows[0][:2], 1]]), "judged: "),
    "failed and told no failure": (
        other(judged=lambda rows: [*rows, ["float64", "disagrees", 1]]),
        "judged: expected the failure and no other",
    ),
    "judged no list": (other(judged={"a": 1}), "judged: "),
    "odd choices": (other(choices={"float64": 7}), "choices of float64: "),
    "many choices": (other(choices={"float64": 10**15}), "choices of float64: "),
    "no choices": (other(choices={}), "choices: "),
    "axes": (other(axes=lambda rows: rows * 2), "axes: expected each once"),
    "long axes": (other(axes=lambda rows: [[9, *rows[0][1:]], *rows[1:]]), "axes: "),
    "no axes": (other(axes=[]), "axes: "),
    "rounded": (other(rounded=None), "rounded: Expected `bool`"),
    "no failure": (other(failure="yes"), "failure: Expected `object | null`"),
    "no case": (other(failure=FAILURE | {"case": "v1:"}), "failure: case id 'v1:'"),
    "failure elsewhere": (
        other(failure=FAILURE | {"case": ELSEWHERE}),
        "failure: expected a case of the span",
    ),
    "no object": (b"[]", "expected an object in JSON"),
    "no text": (lambda line: line + b"\xff", "expected an object in JSON"),
    "brackets": (b"[" * 60_000, "expected an object in JSON"),
    "digits": (lambda line: line.replace(b"16", b"1" * 9_999), "expected an object in JSON"),
    "torn in the middle": (lambda line: line[: len(line) // 2], "expected an object in JSON"),
}


@pytest.fixture(scope="module")
def kept_lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the lines of a whole campaign's results, the parts in order."""
    path = tmp_path_factory.mktemp("kept") / "r"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign_plan, "SPAN", 16)
        run(plan_for(RIGHT), path)
    header, *parts = path.read_bytes().splitlines()
    return [header, *sorted(parts, key=lambda line: int(json.loads(line)["start"]))]


@pytest.mark.parametrize(
    ("number", "name"), [*((1, name) for name in HEADERS), *((2, name) for name in IMPOSSIBLE)]
)
def test_what_cannot_be_is_refused(
    number: int, name: str, kept_lines: list[bytes], tmp_path: Path
) -> None:
    """Another campaign's file, and results that do not follow from their plan, are refused.

    It is said in a line that names file and line, and the file is left as it was.
    """
    path, (change, problem) = tmp_path / "r", (HEADERS if number == 1 else IMPOSSIBLE)[name]
    lines = [*kept_lines, b""]
    lines[number - 1] = change(lines[number - 1]) if callable(change) else change
    path.write_bytes(before := b"\n".join(lines))
    with pytest.raises(ResultsError) as caught:
        Results(path, plan_for(RIGHT))
    told = str(caught.value)
    assert told.startswith(f"results={str(path)!r}{', line ' if number > 1 else ': '}")
    assert problem in told
    assert told.isprintable()
    assert path.read_bytes() == before


def test_a_file_without_a_line_is_refused(tmp_path: Path) -> None:
    """What is not the beginning of the campaign's own header is somebody else's."""
    (tmp_path / "r").write_bytes(b"hello")
    with pytest.raises(ResultsError, match=FILE):
        Results(tmp_path / "r", plan_for(RIGHT))
    assert (tmp_path / "r").read_bytes() == b"hello"


def test_whole_results_are_taken_over(kept_lines: list[bytes], tmp_path: Path) -> None:
    """Nothing is judged again of what fits, and a last line without its end is."""
    (tmp_path / "r").write_bytes(b"\n".join(kept_lines) + b"\r\n\0\0")
    plan = plan_for(RIGHT)
    with Results(tmp_path / "r", plan) as results:
        assert total(plan, results.parts()).complete
    assert (tmp_path / "r").read_bytes() == b"\n".join(kept_lines) + b"\r\n"


def test_a_failure_that_is_none_is_told_with_it(tmp_path: Path, kept_lines: list[bytes]) -> None:
    """A failure in the file that does not recur is told together with that."""
    part = json.loads(kept_lines[1])
    case = "v1:convolution:float64:integers:b1.h1.w1.i1.o1.f1x1.s1x1:0"
    part |= {"certified": 0, "choices": {}, "axes": [], "judged": [["float64", "disagrees", 1]]}
    part["failure"] = FAILURE | {"case": case}
    (tmp_path / "r").write_bytes(kept_lines[0] + b"\n" + json.dumps(part).encode() + b"\n")
    plan = plan_for(RIGHT)
    with Results(tmp_path / "r", plan) as results:
        failed = total(plan, results.parts()).failure
    assert failed is not None
    assert failed.reason == "; asked once more, it did not fail"


ENDLESS = (
    Region("convolution", 3000, channels=(1,), batches=(1,)),
    Region("convolution", 2, reach=10**6, channels=(1,), batches=(1,)),
    ParameterRegion("convolution", 3000, ("padding", "dilation")),
    ParametersInside("convolution", 3000, ("padding", "dilation"), only="padding_top == 1"),
)


@pytest.mark.parametrize("region", ENDLESS)
def test_a_region_without_an_end_is_refused(region: Region | ParameterRegion) -> None:
    """A region that no campaign ends with is refused at once, before its places are counted."""
    with pytest.raises(ValueError, match="expected at most 50,000 kinds of axes"):
        Plan(region, RIGHT, "")


def test_another_plan_is_refused(tmp_path: Path, wrong: str) -> None:
    """Results of another kernel, region or version of the kernel are not gone on with."""
    plan, path = plan_for(wrong), tmp_path / "r"
    with Results(path, plan), pytest.raises(ResultsError, match="another campaign is writing"):
        Results(path, plan)
    for other, named in (
        (plan_for(RIGHT), "candidate="),
        (replace(plan, seed=3), "seed=0, expected 3"),
        (replace(plan, source="0"), "source="),
    ):
        with pytest.raises(ResultsError, match=named):
            Results(path, other)


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """Killed at any moment, a campaign leaves no process behind."""
    script = (
        "import time\n"
        "from convcheck.campaigns.campaign import process_pool\n"
        "if __name__ == '__main__':\n"
        "    pool = process_pool(2)\n"
        "    pool.submit(time.sleep, 60), pool.submit(time.sleep, 60)\n"
        "    pool.submit(time.sleep, 0)\n"
        "    print(*pool._processes, flush=True)\n"
        "    time.sleep(60)\n"
    )
    path = tmp_path / "script.py"
    path.write_text(script, encoding="utf-8")
    with subprocess.Popen(  # noqa: S603  (arguments of this module's own)
        [sys.executable, str(path)], stdout=subprocess.PIPE, env=environment(), text=True
    ) as process:
        assert process.stdout is not None
        workers = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
        # The pipe ends when the last process that could write to it has.
        process.communicate(timeout=20)
    assert len(workers) == 2


def test_dask_loses_nothing_with_a_worker(tmp_path: Path) -> None:
    """On a real cluster, of which a worker is killed in the middle, the result is the same."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    plan = replace(plan_for(RIGHT), region=replace(REGION, extent=4, reach=4))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:

        def kill(_: object) -> None:
            if len(killed) < 1:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        killed: list[int] = []
        with Results(tmp_path / "r", plan) as results:
            found = campaign(
                plan, results, lambda: client.get_executor(pure=False), ahead=4, progress=kill
            )
    assert killed
    assert str(found) == run(plan, tmp_path / "s")


def test_processes_give_the_same_results_file(tmp_path: Path) -> None:
    """Two processes append the parts that one thread does, in whatever order."""
    plan = plan_for(RIGHT)
    run(plan, tmp_path / "one")
    run(plan, tmp_path / "two", lambda: process_pool(2))
    one, two = (sorted((tmp_path / name).read_text().splitlines()) for name in ("one", "two"))
    assert one == two
    assert json.loads(one[-1])
