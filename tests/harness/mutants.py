"""Changes right kernels in every small way, and names the changes that the tests miss.

mutmut makes the changes, one at a time, to the kernels of `zoo.py`, and calls the tests of
`mutated_suite.py` on each.  `mutants.json` lists the changes that survive, and why nothing
can be held against them.  A survivor that it does not list is a hole in the conformance
tests; an entry that did not survive is stale.  Either fails, and otherwise the numbers are
published in `reports/strength.json`.
"""

import ast
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from shutil import copy
from typing import Any

HERE = Path(__file__).parent
LISTED = HERE / "mutants.json"
STRENGTH = HERE.parents[1] / "reports" / "strength.json"
SETTINGS = """
[mutmut]
source_paths = zoo.py
pytest_add_cli_args = --hypothesis-profile=quick
track_dependencies = false
use_git_change_detection = false
timeout_multiplier = 5
"""
SURVIVED, KILLED, TIMED_OUT = 0, (1, 3), (36, 24, 152, 255, -24)


def run(folder: Path) -> dict[str, int | None]:
    """Return the exit status of the tests on each mutant, by name."""
    copy(HERE / "zoo.py", folder)
    copy(HERE / "mutated_suite.py", folder / "test_suite.py")
    (folder / "setup.cfg").write_text(SETTINGS, encoding="utf-8")
    workers = str(os.cpu_count() or 1)
    mutmut = [sys.executable, "-m", "mutmut", "run", "--max-children", workers]
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(HERE)])
    done = subprocess.run(  # noqa: S603
        mutmut,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},  # for `suite`, whatever else is there
        capture_output=True,
        text=True,
        check=False,
    )
    meta = folder / "mutants" / "zoo.py.meta"
    statuses = (
        json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.is_file() else {}
    )
    if not statuses or done.returncode:
        sys.exit(f"mutmut did not finish:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return dict(statuses)


def changes(source: str) -> dict[str, str]:
    """Return in words what each mutant changes, by name, from the file that mutmut wrote."""
    functions = {
        node.name: ast.unparse(ast.Module(node.body, [])).splitlines()
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
    told = {}
    for name, lines in functions.items():
        function, found, number = name.rpartition("__mutmut_")
        if not found or number == "orig":
            continue
        difference = list(difflib.ndiff(functions[f"{function}__mutmut_orig"], lines))
        old, new = (
            " ".join(line[2:].strip() for line in difference if line.startswith(mark))
            for mark in "-+"
        )
        told[f"zoo.{name}"] = f"{function.removeprefix('x_')}: {old} -> {new}"
    return told


def summary(statuses: dict[str, int | None], told: dict[str, str]) -> tuple[Counter[str], int]:
    """Return the survivors in words, and the number of mutants that were killed."""
    odd = {
        name: status
        for name, status in statuses.items()
        if status not in (SURVIVED, *KILLED, *TIMED_OUT)
    }
    if odd:
        sys.exit(f"mutmut could not judge {odd}")
    survivors = Counter(told[name] for name, status in statuses.items() if status == SURVIVED)
    return survivors, len(statuses) - survivors.total()


def publish(survivors: list[dict[str, str]], killed: int) -> None:
    """Write the numbers beside what else is known of the tests' strength."""
    text = STRENGTH.read_text(encoding="utf-8") if STRENGTH.is_file() else "{}"
    strength: dict[str, Any] = json.loads(text)
    strength["mutants"] = {
        "tool": f"mutmut {version('mutmut')}",
        "total": killed + len(survivors),
        "killed": killed,
        "survivors": survivors,
    }
    STRENGTH.write_text(json.dumps(strength, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run, compare with the list, publish."""
    listed: list[dict[str, str]] = json.loads(LISTED.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        statuses = run(Path(folder))
        told = changes((Path(folder) / "mutants" / "zoo.py").read_text(encoding="utf-8"))
    survivors, killed = summary(statuses, told)
    expected = Counter(each["mutant"] for each in listed)
    print(f"{len(statuses)} mutants, {killed} killed, {survivors.total()} survived")
    for mutant in sorted((survivors - expected).elements()):
        print(f"not listed: {mutant}")
    for mutant in sorted((expected - survivors).elements()):
        print(f"stale, it was killed: {mutant}")
    if survivors != expected:
        sys.exit(f"{LISTED.name} does not hold the survivors")
    publish(listed, killed)


if __name__ == "__main__":
    main()
