"""Writes the sample run that the README shows: `python tests/harness/readme_sample.py`.

The kernel is the one that stands in the README above the run; what is left out there shows as
"...".  Whatever changes what a run prints changes the README, too.
"""

import re
import sys
import tempfile
from pathlib import Path

from pages import FIRST, PAGES
from pytest_runs import call

_BLOCK = re.compile(
    r"(?P<kernel>```console\n\$ cat (?P<file>\S+)\n(?P<source>.*?)\n)"
    r"\$ convcheck (?P<words>check [^\n]*)\n(?P<shown>.*?)(?=```)",
    re.DOTALL,
)
_FAILS = 2  # lines on what fails of which there are more


def sample(readme: str) -> re.Match[str]:
    """Return the sample of a run: its file, source, words of the command, and what is shown."""
    found = _BLOCK.search(readme)
    assert found is not None, "no sample of a run"
    return found


def judged(readme: str, folder: Path) -> str:
    """Run the sample's command in a folder, and return what the README shows of its output."""
    block = sample(readme)
    (folder / block["file"]).write_text(block["source"], encoding="utf-8")
    command = [sys.executable, "-m", "convcheck", *block["words"].split()]
    result = call(folder, command, seconds=300)
    if result.returncode != 1:
        raise RuntimeError(result.stdout + result.stderr)
    return shortened(result.stdout)


def shortened(output: str) -> str:
    """Return what is told, with no more than a few lines on what fails."""
    lines = output.strip().splitlines()
    fails = [line for line in lines if line.startswith(("  fails ", "  so far "))]
    kept = [line for line in lines if line not in fails[_FAILS:]]
    if fails[_FAILS:]:
        kept.insert(kept.index(fails[_FAILS - 1]) + 1, "  ...")
    # How fast it is depends on the machine.
    speed = re.compile("; (about as fast|[^;]* times (faster|slower))$")
    return "\n".join([*(speed.sub("; ...", line) for line in kept), ""])


def lasting(shown: str) -> str:
    """Return of what is shown all that does not change with the machine: no counts of a run."""
    lines = shown.splitlines()
    counted = [
        re.sub("[0-9][0-9,]*|none", "N", line) if " judged" in line or "differ" in line else line
        for line in lines
        # Slow kernels are judged on none.
        if "not judged on layers" not in line and "large layers" not in line
    ]
    return "\n".join(counted)


def main() -> None:
    """Write the sample anew."""
    readme = PAGES[FIRST]
    with tempfile.TemporaryDirectory() as name:
        shown = judged(readme, Path(name))
    start, stop = sample(readme).span("shown")
    FIRST.write_text(readme[:start] + shown + readme[stop:], encoding="utf-8")


if __name__ == "__main__":
    main()
