"""The notebook's own kernels, in whatever file they stand: what the ledger says of them.

A kernel is the notebook's where it gives, on the witness of each of its faults, the recorded
outcome.  So who has the notebook gets the ledger's answer from it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcheck.conformance import witnesses
from convcheck.kernels.loading import CandidateError, import_module, look_in
from convcheck.reference import witness
from convcheck.reference.defects import LEDGER

BACKWARD = frozenset(witnesses.REPAIRED)
"""without one of these names, no file is looked into"""
_SECONDS = 60.0


def notebooks_own(found: Mapping[str, Any]) -> list[str]:
    """Return which of the functions of a module are the notebook's."""
    names = {name: found[name] for name in witnesses.LITERAL if callable(found.get(name))}
    scope = {**witnesses.ledger_names(), **names}
    return [
        name
        for name in names
        if all(_is_shown(defect.witness, scope) for defect in LEDGER if defect.kernel == name)
    ]


def _is_shown(recorded: witness.Witness, scope: witnesses.Names) -> bool:
    seen = witness.observe(recorded.call, scope, recorded.given)
    return witness.shows(recorded.outcome, seen)


def told_of(module: str) -> list[str]:
    """Return what the ledger says of a module's kernels, in lines; it is imported elsewhere."""
    command = [sys.executable, "-P", "-m", __name__, module, *sys.path]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command, capture_output=True, check=True, timeout=_SECONDS
        )
        names = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return []  # whatever it is, its kernels are judged in the ordinary way, which tells
    return [*_lines(names)]


def _lines(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f"{name} is the notebook's own kernel, of which the ledger says:"
        for defect in LEDGER:
            if defect.kernel == name:
                yield f"  {defect.id}: {defect.wrong}; repair: {defect.repair}"


if __name__ == "__main__":
    look_in(sys.argv[2:])
    try:
        answer = notebooks_own(vars(import_module(sys.argv[1])))
    except CandidateError:
        answer = []
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
