"""Where and when a run took place: the part of a report that differs every time."""

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("convcheck", "numpy", "torch", "hypothesis", "pytest", "pytest-xdist")


def gather(*, started: float, workers: int, exit_status: int, folder: Path) -> dict[str, Any]:
    """Return the circumstances of a run that ends now.

    Args:
        started: time.time() at its beginning.
        workers: number of worker processes; 0 if the tests ran in this one.
        exit_status: pytest's.
        folder: where to ask git for the commit.
    """
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "workers": workers,
        "exit_status": exit_status,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": 1,
        "commit": _commit(folder),
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


def _commit(folder: Path) -> str:
    """Return the commit checked out at `folder`, and whether anything differs from it."""
    try:
        commit, status = (
            subprocess.run(  # noqa: S603  (fixed arguments)
                ["git", "-C", str(folder), *arguments],  # noqa: S607  (git of the user's PATH)
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit} with uncommitted changes" if status else commit
