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
from typing import Any

Json = dict[str, Any]

HERE = Path(__file__).parent

_PACKAGES = ("convcheck", "numpy", "torch", "hypothesis", "pytest", "pytest-xdist")


def gather(
    *,
    started: float,
    workers: int,
    exit_status: int,
    seed: str,
    project: Path,
    phases: Mapping[str, float],
    modules: Mapping[str, float],
) -> dict[str, Any]:
    """Return the circumstances of a run that ends now.

    Args:
        started: time.time() at its beginning.
        workers: number of worker processes; 0 if the tests ran in this one.
        exit_status: pytest's.
        seed: of the cases.
        project: the user's folder, of which git is asked for the commit.
        phases: seconds that went into the kernel, the oracle and the bounds.
        modules: seconds that went into the tests of each module.
    """
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "workers": workers,
        "exit_status": exit_status,
        "command": shlex.join([_program(), *sys.argv[1:]]),
        "seed": seed,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": 1,
        "project": repository(project),
        "checkout": repository(HERE, "circumstances.py"),
        "cost": cost(phases, modules),
    }


def _program() -> str:
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def cost(phases: Mapping[str, float], modules: Mapping[str, float]) -> dict[str, Any]:
    """Return the seconds of all tests, whatever process they ran in, and what took them."""
    total = sum(modules.values())
    rest = max(0.0, total - sum(phases.values()))
    return {
        "seconds": round(total, 1),
        "phases": {name: round(value, 1) for name, value in {**phases, "rest": rest}.items()},
        "modules": {name: round(value, 1) for name, value in sorted(modules.items())},
    }


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


def repository(folder: Path, tracked: str = ".") -> dict[str, Any] | None:
    """Return the commit checked out at `folder`, and whether it was clean there.

    None where git knows nothing of it: an installed package may stand inside somebody's
    repository and be no part of it, so that git must know the file `tracked`.
    """
    try:
        _git(folder, "ls-files", "--error-unmatch", tracked)
        return {
            "commit": _git(folder, "rev-parse", "HEAD"),
            "clean": not _git(folder, "status", "--porcelain"),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  (fixed arguments)
        ["git", "-C", str(folder), *arguments],  # noqa: S607  (git of the user's PATH)
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout.strip()


def together(several: list[Json]) -> Json:
    """Return the circumstances of several runs as those of one, and keep each."""
    first = several[0]
    cost = [each["cost"] for each in several]
    merged = {
        name: _joined(name, [each[name] for each in several if name in each])
        for name in dict.fromkeys(name for each in several for name in each)
        if name not in ("merged", "packages", "cost")
    }
    merged["packages"] = {
        name: _text([each["packages"].get(name, "not installed") for each in several])
        for name in first["packages"]
    }
    merged["cost"] = {
        "seconds": _sum(each["seconds"] for each in cost),
        "phases": {
            name: _sum(each["phases"][name] for each in cost) for name in first["cost"]["phases"]
        },
        "modules": {
            name: _sum(each["modules"].get(name, 0.0) for each in cost)
            for name in sorted({name for each in cost for name in each["modules"]})
        },
    }
    merged["merged"] = [each for one in several for each in one.get("merged", [one])]
    return merged


def _joined(name: str, values: list[Any]) -> Any:
    """Return one value for several runs': a sum of seconds and workers, the largest status."""
    if name in ("project", "checkout"):
        return _repository(values)
    if name in ("seconds", "workers"):
        return _sum(values)
    if isinstance(values[0], list):
        return [each for value in values for each in value]
    if isinstance(values[0], str):
        return min(values) if name == "started" else _text(values)
    return max((value for value in values if value is not None), default=None)


def _sum(values: Iterable[float]) -> float:
    total = sum(values)
    return total if isinstance(total, int) else round(total, 1)


def _text(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def _repository(values: list[Json | None]) -> Json | None:
    """Return the one commit that all had, clean where all were; None if there is none."""
    known = [value for value in values if value]
    if len(known) < len(values) or len({value["commit"] for value in known}) > 1:
        return None
    return {"commit": known[0]["commit"], "clean": all(value["clean"] for value in known)}
