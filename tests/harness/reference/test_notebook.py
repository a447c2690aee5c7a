"""The literal kernels beside a recording of what the notebook's own text did.

`notebook.json` has the calls, in groups, as text, and one digest of all outcomes for each
group; the notebook itself is not part of this repository.  Numbers come from the raw output
of PCG64.  Floats are real-valued, so that another order of accumulation shows; complex
numbers are small integers, because a processor may or may not fuse their products.

Run as a script on a text export of the notebook, cells headed by lines like `In [1]:`, this
records its outcomes anew; of the notebook only the four kernels are run, with NumPy as `np`.
"""

import ast
import hashlib
import inspect
import json
import math
import re
import sys
import warnings
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from convcheck import reference

RECORDING = Path(__file__).with_name("notebook.json")
RECORDED: dict[str, Any] = json.loads(RECORDING.read_text())
KERNELS = tuple(RECORDED["parameters"])
FLOATS = ("float16", "float32", "float64")
OTHERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, *OTHERS, "bool", "complex64", "complex128")


def drawn(dtype: str, seed: int, start: int, *shape: int) -> Any:
    """Return an array of numbers from a place in a stream on, the same with every NumPy."""
    raw = np.random.PCG64(seed).advance(start).random_raw(math.prod(shape)).reshape(shape)
    if dtype in FLOATS:
        return ((raw >> np.uint64(11)) * 2.0**-52 - 1).astype(dtype)
    if dtype.startswith("complex"):
        real, imaginary = (raw % 17).astype(float) - 8, (raw // 17 % 17).astype(float) - 8
        return (real + 1j * imaginary).astype(dtype)
    return (raw % 2 == 0) if dtype == "bool" else raw.astype(dtype)


def outcome(kernel: Any, arguments: tuple[Any, ...], names: Mapping[str, Any]) -> bytes:
    """Return result or exception, and what the arrays hold afterwards, as bytes.

    The names are bound in the kernel's module meanwhile.
    """
    bound = FunctionType(kernel.__code__, {**kernel.__globals__, **names})
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            z = bound(*arguments)
            seen = _bytes(z) + bytes([z is names.get("z")])
        except Exception as error:  # noqa: BLE001  (any exception is an outcome)
            unbound = error.name if isinstance(error, NameError) else ""
            seen = f"{type(error).__name__} {unbound}".encode()
    handed = (*arguments, *names.values())
    return seen + b"".join(_bytes(a) for a in handed if isinstance(a, np.ndarray))


def _bytes(z: Any) -> bytes:
    data: bytes = z.tobytes()
    return f"{z.dtype.str} {z.shape} ".encode() + data


def digest(group: Mapping[str, Any], kernels: Mapping[str, Any]) -> str:
    """Return a digest of all outcomes of a group of calls."""
    seen = hashlib.sha256()
    # An array that is handed over twice is the same one, with what was written into it.
    scope: dict[str, Any] = {d: cache(partial(drawn, d, group["seed"])) for d in DTYPES}
    scope |= {"np": np, "call": lambda *arguments, **names: (arguments, names)}
    for text in group["calls"]:
        arguments, names = eval(f"call({text})", scope)  # noqa: S307  (data of our own)
        each = outcome(kernels[group["kernel"]], arguments, names)
        seen.update(hashlib.sha256(each).digest())
    return seen.hexdigest()


def parameters(kernels: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return names and kinds of the kernels' parameters."""
    signatures = {name: inspect.signature(kernels[name]).parameters for name in KERNELS}
    return {
        name: [f"{p.name} {p.kind.name} {p.default is p.empty}" for p in signature.values()]
        for name, signature in signatures.items()
    }


LITERAL = {name: getattr(reference, name) for name in KERNELS}


@pytest.mark.parametrize("group", RECORDED["groups"])
def test_same_bits(group: str) -> None:
    """The literal kernels return or raise what the notebook's text did, bit by bit."""
    recorded = RECORDED["groups"][group]
    assert digest(recorded, LITERAL) == recorded["outcomes"], (
        f"recorded with NumPy {RECORDED['numpy']}, this is {np.__version__}"
    )


def test_same_parameters() -> None:
    """The literal kernels take the notebook's parameters, by the same names and order."""
    assert parameters(LITERAL) == RECORDED["parameters"]


def record(text: str) -> None:
    """Write what the notebook's kernels do into the recording."""
    kernels: dict[str, Any] = {"np": np}
    for cell in re.split(r"^In \[[^\]]*\]:\s*$", text, flags=re.MULTILINE)[1:]:
        for node in ast.parse(cell).body:
            if isinstance(node, ast.FunctionDef) and node.name in KERNELS:
                code = compile(ast.Module([node], []), "<notebook>", "exec")
                exec(code, kernels)  # noqa: S102  (to run the notebook is the purpose)
    for group in RECORDED["groups"].values():
        group["outcomes"] = digest(group, kernels)
    source = hashlib.sha256(text.encode()).hexdigest()
    about = {"notebook_sha256": source, "numpy": np.__version__, "parameters": parameters(kernels)}
    RECORDING.write_text(json.dumps(RECORDED | about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]).read_text(encoding="utf-8"))
