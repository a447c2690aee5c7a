"""Where and when a run took place, and what it cost: what differs every time."""

import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from .document import Circumstances, Cost, Phases, Repository
from .rows import Record

HERE = Path(__file__).parent

_PACKAGES = ("convcheck", "numpy", "torch", "hypothesis", "pytest", "pytest-xdist")


def gather(
    *,
    started: float,
    workers: int,
    exit_status: int,
    seed: str,
    kernel_threads: str,
    project: Path,
    phases: Mapping[str, float],
    modules: Mapping[str, float],
) -> Circumstances:
    """Return the circumstances of a run that ends now.

    Args:
        started: time.time() at its beginning.
        workers: number of worker processes; 0 if the tests ran in this one.
        exit_status: pytest's.
        seed: of the cases.
        kernel_threads: how many a kernel had, and who said so.
        project: the user's folder, of which git is asked for the commit.
        phases: seconds that went into the kernel, the oracle and the bounds.
        modules: seconds that went into the tests of each module.
    """
    return Circumstances(
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        seconds=round(time.time() - started, 1),
        workers=workers,
        exit_status=exit_status,
        command=shlex.join([_program(), *sys.argv[1:]]),
        seed=seed,
        python=platform.python_version(),
        packages={name: _version(name) for name in _PACKAGES},
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count(),
        torch_threads=1,
        kernel_threads=kernel_threads,
        project=repository(project),
        checkout=repository(HERE, "circumstances.py"),
        cost=cost(phases, modules),
    )


def _program() -> str:
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def cost(phases: Mapping[str, float], modules: Mapping[str, float]) -> Cost:
    """Return the seconds of all tests, whatever process they ran in, and what took them."""
    total = sum(modules.values())
    rest = max(0.0, total - sum(phases.values()))
    return Cost(
        round(total, 1),
        Phases(**{name: round(value, 1) for name, value in {**phases, "rest": rest}.items()}),
        {name: round(value, 1) for name, value in sorted(modules.items())},
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def repository(folder: Path, tracked: str = ".") -> Repository | None:
    """Return the commit checked out at `folder`, and whether it was clean there.

    None where git knows nothing of it: an installed package may stand inside somebody's
    repository and be no part of it, so that git must know the file `tracked`.
    """
    try:
        _git(folder, "ls-files", "--error-unmatch", tracked)
        commit = _git(folder, "rev-parse", "HEAD")
        return Repository(commit, not _git(folder, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return None


def root_of(folder: Path) -> Path:
    """Return the folder of the repository that a folder is in; itself where git knows of none."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except (OSError, subprocess.SubprocessError):
        return folder


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  (fixed arguments)
        ["git", "-C", str(folder), *arguments],  # noqa: S607  (git of the user's PATH)
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout.strip()


_JUDGED = "judged on layers of millions of products"
_TOO_SLOW = "not judged on layers of millions of products: calls took too long in this run"


def large_layers(records: Iterable[Record]) -> dict[str, str]:
    """Return by operation whether its kernel was judged on large layers."""
    fast = {name: each for record in records for name, each in record.fast.items()}
    return {name: _JUDGED if fast[name] else _TOO_SLOW for name in sorted(fast)}


def slow(records: Iterable[Record]) -> list[str]:
    """Return a line about the kernels that were not, if there are any."""
    names = [name for name, each in large_layers(records).items() if each == _TOO_SLOW]
    return [f"{', '.join(names)}: {_TOO_SLOW}"] if names else []


def remarks(records: Iterable[Record]) -> dict[str, str]:
    """Return by case or vector what is to be known of how it was judged."""
    return {case: how for record in records for case, how in record.remarks.items()}


_TEXTS = ("command", "seed", "python", "platform", "processor", "kernel_threads")


def together(several: list[Circumstances]) -> Circumstances:
    """Return the circumstances of several runs as those of one, and keep each."""
    packages = [each.packages for each in several]
    modules = sorted({name for each in several for name in each.cost.modules})
    return Circumstances(
        started=min(each.started for each in several),
        seconds=_sum(each.seconds for each in several),
        workers=sum(each.workers for each in several),
        exit_status=max(each.exit_status for each in several),
        packages={
            name: _text(each.get(name, "not installed") for each in packages)
            for name in packages[0]
        },
        **{name: _text(getattr(each, name) for each in several) for name in _TEXTS},
        cores=max((each.cores for each in several if each.cores), default=None),
        torch_threads=max(each.torch_threads for each in several),
        project=_repository([each.project for each in several]),
        checkout=_repository([each.checkout for each in several]),
        cost=Cost(
            _sum(each.cost.seconds for each in several),
            Phases(
                **{
                    name: _sum(getattr(each.cost.phases, name) for each in several)
                    for name in Phases.__struct_fields__
                }
            ),
            {name: _sum(each.cost.modules.get(name, 0.0) for each in several) for name in modules},
        ),
        kept=[one for each in several for one in each.kept],
        speed=[one for each in several for one in each.speed],
        large_layers={
            name: _text(each.large_layers[name] for each in several if name in each.large_layers)
            for name in sorted({name for each in several for name in each.large_layers})
        },
        remarks={case: how for each in several for case, how in each.remarks.items()},
        merged=[one for each in several for one in each.merged or [each]],
    )


def _sum(values: Iterable[float]) -> float:
    return round(sum(values), 1)


def _text(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def _repository(values: list[Repository | None]) -> Repository | None:
    """Return the one commit that all had, clean where all were; None if there is none."""
    known = [value for value in values if value]
    if len(known) < len(values) or len({value.commit for value in known}) > 1:
        return None
    return Repository(known[0].commit, all(value.clean for value in known))
