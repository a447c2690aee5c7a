"""The process that a candidate runs in: `python -m convcheck.oracle.kernel_process`.

It is told the candidate and two file descriptors, answers batches of calls one by one, and
ends when the judge does.  Started by `isolation`.
"""

import contextlib
import ctypes
import os
import signal
import sys
import warnings
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .calls import ARRANGEMENTS, MisbehaviourError, call
from .candidates import CandidateError, Fitted, load
from .operations import operation_named

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Load the candidate and serve calls until the judge hangs up."""
    requests, answers = Connection(int(sys.argv[2])), Connection(int(sys.argv[3]))
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  (as `python -m pytest` has it)
    warnings.simplefilter("ignore")
    try:
        kernel = load(sys.argv[1])
    except CandidateError as error:
        answers.send(("refused", str(error)))
        return
    answers.send(("loaded", kernel.takes_fore_layer))
    watch = _Watch()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            for request in requests.recv():
                answers.send(_answer(kernel, watch, *request))


def _answer(
    kernel: Fitted, watch: "_Watch", name: str, geometry: Any, arrays: Any, shape: Any, how: str
) -> tuple[str, Any]:
    arrange = ARRANGEMENTS.get(how, np.copy)
    try:
        z = call(kernel, operation_named(name), geometry, arrays, shape, arrange)
        watch.look(z)
    except MisbehaviourError as problem:
        return "misbehaved", str(problem)
    return "result", z


class _Watch:
    """Sees what a kernel does beside returning a result."""

    def __init__(self) -> None:
        self._last: Any = None
        self._state = _global_state()

    def look(self, z: Any) -> None:
        """Raise MisbehaviourError if the result is an earlier one's memory, or state changed."""
        last, self._last = self._last, z
        if last is not None and np.may_share_memory(last, z) and z.size:
            raise MisbehaviourError("returned the memory of its last result again")
        state = _global_state()
        for name, value in state.items():
            before = self._state.get(name, value)
            if value != before:
                self._state = state
                raise MisbehaviourError(f"changed {name} from {before} to {value}")


def _global_state() -> dict[str, Any]:
    """Return settings of NumPy and torch that other code depends on."""
    state: dict[str, Any] = {
        "NumPy's error state": np.geterr(),
        "NumPy's print precision": np.get_printoptions()["precision"],
        "the working directory": os.getcwd(),  # noqa: PTH109
    }
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_default_dtype"):
        state["torch's default dtype"] = torch.get_default_dtype()
        state["torch's recording of gradients"] = torch.is_grad_enabled()
    return state


if __name__ == "__main__":
    main()
